"""What is trained on: datasets read as rows of tokens, mixed, and put together to micro-batches.

Nothing here knows a model, but for the tokens that it has.
"""
