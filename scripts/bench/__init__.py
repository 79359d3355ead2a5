"""Measurements: each prints what the documentation shows, in one run."""
