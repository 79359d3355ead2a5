"""A finished release: its columns, manifest, card and summary; how it is opened, written and compared.

Nothing here knows how it was built.
"""
