"""What can be read from a text alone: its answer, its steps, its faults. Pure functions, linear in its length.

Nothing here knows a gold answer's meaning (that is `verification`), a model or a file.
"""
