"""The paper's method, pure: prompts in, candidates judged by rules, one of them kept or none.

Nothing here opens a file, asks an engine or knows distilabel.
"""
