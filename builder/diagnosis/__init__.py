"""Is rewriting worth it here? What a build of a few rows says about the whole: see `builder.diagnose`.

Nothing here draws or scores: it reads a finished release.
"""
