"""Where the problems and the expert solutions come from: read, sample, filter; every dropped row keeps its reason."""
