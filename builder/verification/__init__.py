"""How a verdict is reached: math-verify (`grading`) in processes that can be killed (`pool`)."""
