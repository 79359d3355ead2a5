"""Evaluation on mathematical benchmarks: what is asked, how answers are graded, and what is made of the verdicts."""
