"""Problems that are nearly an earlier one: for the most part the same words, and the same numbers, signs and answer.

Similarity is the Jaccard index of the sets of word 2-grams. MinHash (Broder, 1997) in bands (Leskovec, Rajaraman and
Ullman, Mining of Massive Datasets, chapter 3) finds pairs that may be similar enough, in one pass before the other; of
these the index is then taken exactly. Only problems with equal numbers, signs, answers and metadata are compared at
all: one with other numbers is another problem, however similar.

A row is compared with earlier rows that stay, and goes if one of them is similar enough. So what becomes of a row
depends on the rows before it and on nothing else.
"""

import hashlib
import re
import tempfile
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import IO, TYPE_CHECKING

from builder.errors import InputError
from builder.machine.extras import install
from builder.sources.contamination import words_of
from builder.sources.rows import SourceRow
from builder.sources.seen import KeptTexts
from builder.texts.quantities import quantities

if TYPE_CHECKING:
    import numpy as np

GRAM = 2  # words
PERMUTATIONS = 128  # at most, of a signature
_FOUND = 0.99  # of the pairs that are just similar enough
_SEED = 1
_CHUNK = 2_000  # rows
_LATEX_SPACE = re.compile(r"\\left|\\right|\\[!,;: ]|[\s$]")

Grams = frozenset[str]


@dataclass(frozen=True)
class Repeated:
    """The earlier row that a row nearly repeats, and the Jaccard index of the two."""

    row_id: str
    jaccard: float

    def __str__(self) -> str:
        return (
            f"nearly the same problem as {self.row_id}: their pairs of words have a Jaccard index of {self.jaccard:.2f}"
        )


class NearDuplicates:
    """Finds near duplicates in a stream of rows that it has seen once before.

    Args:
        rows: all of them; read to their end, some thousand in memory at a time.
        threshold: Jaccard index from which on a row is a near duplicate, above 0 and at most 1.

    Raises:
        InputError: the package rensa, which makes the signatures, is not installed.
        OSError: there is no room for temporary files: some hundred bytes a row.
    """

    def __init__(self, rows: Iterable[SourceRow], threshold: float) -> None:
        self._threshold = threshold
        self._runs = _Runs(rows, threshold)
        self._kept: defaultdict[int, list[int]] = defaultdict(list)  # rows by run, ascending
        self._texts = KeptTexts()

    def take(self, row: SourceRow) -> Repeated | None:
        """The first earlier row that stays and that this one nearly repeats; None if this one stays. In their order."""
        runs = self._runs.of(row.row)
        own = grams(row.problem) if runs else frozenset()
        for earlier in sorted({kept for run in runs for kept in self._kept[run]}):
            row_id, problem = self._texts.get(earlier)
            if (share := jaccard(own, _grams_again(problem))) >= self._threshold:
                return Repeated(row_id, share)
        for run in runs:
            self._kept[run].append(row.row)
        if runs:
            self._texts.put(row.row, row.id, row.problem)
        return None


def grams(problem: str) -> Grams:
    """The pairs of words of a problem that follow each other; of a single word, the word."""
    words = words_of(problem)
    return frozenset(" ".join(words[start : start + GRAM]) for start in range(max(1, len(words) - GRAM + 1)))


_grams_again = lru_cache(maxsize=4096)(grams)  # of rows that many others are compared with


def jaccard(one: Grams, other: Grams) -> float:
    """What two sets share of what they have together."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def bands(threshold: float) -> tuple[int, int]:
    """Bands, and rows of a band: as many rows as may be, so that 99 % of the pairs at the threshold are found."""

    def missed(rows: int) -> float:
        return (1 - threshold**rows) ** (PERMUTATIONS // rows)

    rows = max((rows for rows in range(1, PERMUTATIONS + 1) if missed(rows) <= 1 - _FOUND), default=1)
    return PERMUTATIONS // rows, rows


def task(row: SourceRow) -> bytes:
    """A digest of what two rows have to share: numbers, signs, gold answer and metadata."""
    gold = None if row.gold is None else _LATEX_SPACE.sub("", row.gold).replace("dfrac", "frac").casefold()
    return hashlib.blake2b(repr((quantities(row.problem), gold, row.metadata)).encode(), digest_size=8).digest()


class _Runs:
    """Which rows share a band of their signatures, and their task: each such group is a run, with a number.

    Args:
        rows: see `NearDuplicates`.
        threshold: the same.
    """

    def __init__(self, rows: Iterable[SourceRow], threshold: float) -> None:
        import numpy as np

        count, width = bands(threshold)
        numbers = array("q")
        with tempfile.TemporaryFile() as file:
            for chunk in _chunks(rows):
                numbers.extend(row.row for row in chunk)
                _keys(chunk, count, width).tofile(file)
            members, runs = _grouped(file, len(numbers), count)
        order = np.argsort(members, kind="stable")
        self._rows, self._runs = np.frombuffer(numbers, np.int64)[members[order]], runs[order]

    def of(self, row: int) -> list[int]:
        """The runs that a row is in; most rows are in none."""
        first, last = self._rows.searchsorted([row, row + 1])
        return self._runs[first:last].tolist()


def _keys(rows: Sequence[SourceRow], count: int, width: int) -> "np.ndarray":
    """What rows must share to be in a run: uint64 `[rows, bands]`."""
    import numpy as np

    sketches = _sketches([sorted(grams(row.problem)) for row in rows], count * width)
    parts = sketches.reshape(len(rows), count, width)
    keys = np.frombuffer(b"".join(map(task, rows)), "<u8")[:, None].repeat(count, axis=1)
    for place in range(width):  # a polynomial modulo 2^64
        keys = keys * np.uint64(0x9E3779B97F4A7C15) + parts[:, :, place]
    return keys


def _sketches(tokens: list[list[str]], permutations: int) -> "np.ndarray":
    """MinHash signatures of sets of texts: uint64 `[sets, permutations]`."""
    import numpy as np

    try:
        from rensa import RMinHash
    except ImportError:
        raise InputError(f"--near-duplicates needs the package rensa: {install('near-duplicates')}") from None
    return np.array(RMinHash.digests_from_token_sets(tokens, permutations, _SEED), np.uint64)


def _grouped(file: IO[bytes], rows: int, count: int) -> tuple["np.ndarray", "np.ndarray"]:
    """Each pair of a row and a run that it is in, band by band: positions int64 `[pairs]`, runs int64 `[pairs]`."""
    import numpy as np

    members, runs = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    keys = np.memmap(file, np.uint64, "r", shape=(rows, count)) if rows else np.empty((0, count), np.uint64)
    for band in range(count):
        _, run, sizes = np.unique(keys[:, band], return_inverse=True, return_counts=True)
        shared = np.flatnonzero(sizes[run] > 1)
        members.append(shared)
        runs.append(run[shared] + band * rows)
    return np.concatenate(members), np.concatenate(runs)


def _chunks(rows: Iterable[SourceRow]) -> Iterator[list[SourceRow]]:
    rows = iter(rows)
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk
