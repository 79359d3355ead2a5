"""One build from its working directory to its release: prepare the rows, watch engine and pipeline, write D′.

What a finished release is, wherever it came from, stands in `release`.
"""
