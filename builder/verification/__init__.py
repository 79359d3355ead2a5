"""How a verdict is reached: math-verify (`grading`) in processes that can be killed (`pool`).

Nothing here decides whether a text is kept: that is `method`.
"""
