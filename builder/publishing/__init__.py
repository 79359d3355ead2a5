"""Publishing a release on the Hub: what is uploaded, what is missing there, and whether it arrived.

What is uploaded is a finished release; nothing here changes one.
"""
