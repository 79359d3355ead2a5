"""Which problems of a source are a benchmark's: shared runs of words, as a share of the benchmark's problem.

Words are runs of letters and digits in lower case, so that spaces, punctuation and LaTeX's delimiters do not matter. A
problem of a benchmark is covered as far as its words lie in 8-grams that both texts have; more than half of it is
contamination. (Llama 2 and Tulu 3 filter in this way: shares of the evaluated text, not single hits, which are mostly
phrases that all problems share.) A problem of fewer than 8 words is covered by equal words alone.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

GRAM = 8  # words
CONTAMINATED = 0.5  # more of a benchmark's problem than this
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Item:
    """One problem of a benchmark."""

    benchmark: str
    id: str
    text: str


@dataclass(frozen=True)
class Overlap:
    """How far a text covers the problem of a benchmark that it covers most.

    Attributes:
        item: that problem; None if none is touched.
        share: of its words.
    """

    item: Item | None
    share: float

    @property
    def is_contamination(self) -> bool:
        """Whether the text has to go."""
        return self.share > CONTAMINATED

    def __str__(self) -> str:
        return f"{self.share:.0%} of the words of {self.item.benchmark}, {self.item.id}" if self.item else "none"


NO_OVERLAP = Overlap(None, 0.0)


class BenchmarkIndex:
    """Finds the problems of benchmarks in other texts.

    Args:
        items: all of them; some thousand, held in memory.

    Attributes:
        items: the same.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = list(items)
        self._lengths: list[int] = []
        self._grams: dict[str, list[tuple[int, int]]] = defaultdict(list)  # number of the item, first word
        self._short: dict[str, int] = {}
        for number, item in enumerate(self.items):
            words = words_of(item.text)
            self._lengths.append(len(words))
            if len(words) < GRAM:
                self._short.setdefault(" ".join(words), number)
            for start, gram in enumerate(_grams(words)):
                self._grams[gram].append((number, start))

    def __len__(self) -> int:
        return len(self.items)

    def overlap(self, text: str) -> Overlap:
        """The benchmark's problem that a text covers most; the first of equals."""
        words = words_of(text) if self.items else []
        if len(words) < GRAM:
            number = self._short.get(" ".join(words))
            return NO_OVERLAP if number is None else Overlap(self.items[number], 1.0)
        covered: dict[int, set[int]] = defaultdict(set)
        for gram in _grams(words):
            for number, start in self._grams.get(gram, ()):
                covered[number].update(range(start, start + GRAM))
        shares = {number: len(places) / self._lengths[number] for number, places in covered.items()}
        best = max(shares, key=lambda number: (shares[number], -number), default=None)
        return NO_OVERLAP if best is None else Overlap(self.items[best], shares[best])


def words_of(text: str) -> list[str]:
    """The words that are compared."""
    return _WORD.findall(text.lower())


def _grams(words: list[str]) -> list[str]:
    return [" ".join(words[start : start + GRAM]) for start in range(len(words) - GRAM + 1)]
