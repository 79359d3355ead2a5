"""Runs of words."""

import re


def word_ngrams(text: str, size: int) -> list[tuple[str, ...]]:
    """Every run of `size` words of a text, in order; of a shorter text the whole, and nothing of an empty one.

    Words are lower-cased runs of letters and digits or single other characters.
    """
    words = re.findall(r"\w+|[^\w\s]", text.lower())
    size = min(size, len(words))
    return list(zip(*(words[start:] for start in range(size)), strict=False))
