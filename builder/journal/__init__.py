"""Everything that was paid for: each finished request and row, in one SQLite file; samples are drawn through it.

Nothing here decides what a row becomes.
"""
