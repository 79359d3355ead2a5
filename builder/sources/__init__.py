"""Where the problems and the expert solutions come from: read, sample, filter.

Every source row comes out once, as a row or rejected with its reason; nothing here asks a model.
"""
