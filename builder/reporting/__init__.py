"""What a release amounts to, as statistics, plots and one page: see `builder.report`.

Nothing here reads more than a release has in it.
"""
