"""How foreign texts are to the policy: their mean excess surprisal, with its error.

Per token −log π(y_t) − H_t, H_t the entropy of π at that place. Its expectation is 0 for what the policy itself writes,
so that along such a text the sum is a martingale. Tokens of one text are not independent of each other: errors are of
rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from builder.reporting.means import Mean

_ONE_SIDED = 1.645  # of a one-sided test at 5 %
QUARTERS = ("first quarter", "second", "third", "last")


@dataclass(frozen=True)
class Text:
    """One text under the policy.

    Attributes:
        origin: of its row; None if the source does not say.
        excess: excess surprisal of each token, `[time]`, nats.
        bound: how far its sum may be off, nats; 0 where entropies are exact.
    """

    origin: str | None
    excess: np.ndarray
    bound: float

    @property
    def is_foreign(self) -> bool:
        """Whether the policy would hardly have written it: its mean is above 0, one-sided at 5 %."""
        n, low = len(self.excess), float(self.excess.sum()) - self.bound
        return n > 1 and low / n > _ONE_SIDED * float(self.excess.std(ddof=1)) / n**0.5


@dataclass(frozen=True)
class Foreignness:
    """Of a set of texts.

    Attributes:
        all: over all of them.
        by_origin: over those of each origin, most texts first; empty where there is but one.
        by_quarter: over each quarter of the texts, as `QUARTERS`.
        foreign: share of texts that the policy would hardly have written; of its own, 5 % would be.
    """

    all: Mean
    by_origin: Mapping[str, Mean]
    by_quarter: tuple[Mean, ...]
    foreign: float


def foreignness(texts: Sequence[Text]) -> Foreignness:
    """Measure some texts; there must be one."""
    origins: dict[str, list[Text]] = {}
    for text in texts:
        origins.setdefault(text.origin or "unknown", []).append(text)
    largest = sorted(origins.items(), key=lambda found: (-len(found[1]), found[0]))
    return Foreignness(
        all=_mean(texts),
        by_origin={origin: _mean(found) for origin, found in largest} if len(origins) > 1 else {},
        by_quarter=tuple(_quarter(texts, number) for number in range(len(QUARTERS))),
        foreign=sum(text.is_foreign for text in texts) / len(texts),
    )


def _mean(texts: Sequence[Text]) -> Mean:
    return Mean.of([text.excess.sum() for text in texts], [len(text.excess) for text in texts], _bound(texts))


def _quarter(texts: Sequence[Text], number: int) -> Mean:
    parts = [np.array_split(text.excess, len(QUARTERS))[number] for text in texts]
    parts = [part for part in parts if len(part)]
    return Mean.of([part.sum() for part in parts], [len(part) for part in parts], _bound(texts))


def _bound(texts: Iterable[Text]) -> float:
    bounds, tokens = zip(*((text.bound, len(text.excess)) for text in texts), strict=True)
    return sum(bounds) / sum(tokens)
