"""Texts caught in a loop: the same sentence, phrase or word over and over."""

import math
import re
from collections.abc import Iterator

import numpy as np

_LONGEST_UNIT = 128
_TOKEN = re.compile(r"\\[a-z]+|\d+(?:[.,]\d+)*|[^\W_]+|[^\w\s]|\n+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_ENDS = frozenset(".!?。\n")
# How many times in a row are a loop, by what is repeated; see `repeats_itself`.
_SENTENCE, _PHRASE, _ONE_OR_TWO_WORDS, _NO_WORD = 3, 6, 12, 60
_PROBE = 4  # tokens
_CHARACTER = re.compile(r"([^\W_])\1{199}")


def repeats_itself(text: str) -> bool:
    """Whether the text contains a loop: a unit of up to 128 tokens that stands many times in a row, unchanged.

    Tokens are LaTeX commands, numbers, words, other single characters, and line breaks; case and spaces make no
    difference. How many times are a loop depends on the unit, where a word has two letters or more:

    - 3 times: sentences or lines (there is a full stop or a line break in the unit) of at least three words,
    - 6 times: another phrase of at least three words,
    - 12 times: one or two words, as in "3 cars + 3 cars + ...",
    - 60 times: numbers and single letters, as in "2 * 2 * 2 * ...",

    and 200 times for one letter or digit. Tables, matrices, long sums, cases told in the same words and lists in which
    a number changes from line to line are no loops; lines drawn with signs alone are not looked at. Takes time
    proportional to the length of the text.
    """
    return _CHARACTER.search(text) is not None or any(
        times >= _loop(unit) for unit, times in _repetitions(_tokens(text))
    )


def _tokens(text: str) -> list[str]:
    return ["\n" if token.isspace() else token for token in _TOKEN.findall(text.lower())]


def _repetitions(tokens: list[str]) -> Iterator[tuple[list[str], float]]:
    """Every unit that stands three times or more in a row, with how often it does, fractions of it included."""
    numbers: dict[str, int] = {}
    ids = np.fromiter((numbers.setdefault(token, len(numbers)) for token in tokens), np.int64, len(tokens))
    probes = _probes(ids)
    if not _any_thrice(probes):
        return
    for size in range(1, min(_LONGEST_UNIT, len(tokens) // _SENTENCE) + 1):
        if not _may_have_period(probes, size):
            continue
        same = np.concatenate(([False], ids[size:] == ids[:-size], [False]))
        edges = np.flatnonzero(same[1:] != same[:-1])
        starts, lengths = edges[::2], edges[1::2] - edges[::2]
        enough = lengths >= (_SENTENCE - 1) * size
        for start, length in zip(starts[enough].tolist(), lengths[enough].tolist(), strict=True):
            yield tokens[start : start + size], 1 + length / size


def _probes(ids: np.ndarray) -> np.ndarray:
    """A number for each four tokens in a row: equal ones have the same."""
    base = int(ids.max(initial=0)) + 1
    probes = np.zeros(max(0, len(ids) - _PROBE + 1), np.int64)
    for offset in range(_PROBE):
        probes = probes * base + ids[offset : len(probes) + offset]  # may wrap around: never tells two apart
    return probes


def _any_thrice(probes: np.ndarray) -> bool:
    """Whether four tokens in a row occur three times, as they do in every loop; a hundred times as fast to find out."""
    return bool(len(probes) and np.unique(probes, return_counts=True)[1].max() >= _SENTENCE)


def _may_have_period(probes: np.ndarray, size: int) -> bool:
    """Whether so many probes recur after `size` tokens as do where a unit of that size stands three times in a row."""
    least = max(1, (_SENTENCE - 1) * size - _PROBE + 1)
    return np.count_nonzero(probes[size:] == probes[:-size]) >= least


def _loop(unit: list[str]) -> float:
    """How many times in a row make a loop of a unit."""
    words = sum(_WORD.fullmatch(token) is not None for token in unit)
    if words >= 3:
        return _PHRASE if _ENDS.isdisjoint(unit) else _SENTENCE
    if words:
        return _ONE_OR_TWO_WORDS
    return _NO_WORD if any(token.isalnum() for token in unit) else math.inf
