"""What users run beside the two packages; `bench` measures, `stress` breaks, `standins` play the parts of others.

Nothing here imports tests.
"""
