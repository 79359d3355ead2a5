"""The model as it is trained: loaded, its attention, its adapter, and the log-probs that it answers with.

Nothing here knows a dataset or a loss.
"""
