"""What a release amounts to, as statistics, plots and one page: see `builder.report`."""
