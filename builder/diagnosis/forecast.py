"""What a full build will come to, from a few candidates of a few rows.

Problems differ in how often the policy solves them. A problem's chance is taken to be Beta-distributed, so that of n
candidates a beta-binomial number may be kept; its two parameters are those of greatest likelihood. It says how many
problems stay unsolved after more candidates than were drawn.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

_MEANS = (1e-4, 1 - 1e-4)  # of a problem's chance
_SIZES = (0.05, 500.0)  # α + β: the smaller, the more problems differ
_GRID, _ZOOMS = 25, 4
_RESAMPLES = 200

Counts = Sequence[tuple[int, int]]
"""Of each row: candidates that may be kept, and candidates drawn."""


@dataclass(frozen=True)
class Chance:
    """A problem's chance that a candidate may be kept, Beta(α, β) over problems."""

    alpha: float
    beta: float

    @classmethod
    def fitted(cls, counts: Counts) -> Self:
        """The parameters of greatest likelihood, within bounds that no few rows can tell from 0, 1 and infinity."""
        logits, sizes = np.log(_MEANS) - np.log1p(-np.array(_MEANS)), np.log(_SIZES)
        number = Counter(counts)
        for _ in range(_ZOOMS):
            grid = [np.linspace(*bounds, _GRID) for bounds in (logits, sizes)]
            mean, size = (axis.ravel() for axis in np.meshgrid(1 / (1 + np.exp(-grid[0])), np.exp(grid[1])))
            alpha, beta = mean * size, (1 - mean) * size
            best = int(np.argmax(sum(rows * _likelihood(alpha, beta, *found) for found, rows in number.items())))
            logits, sizes = (_around(axis, at) for axis, at in zip(grid, (best % _GRID, best // _GRID), strict=True))
        return cls(float(alpha[best]), float(beta[best]))

    def of_some(self, candidates: int) -> float:
        """The chance that at least one of so many may be kept."""
        drawn = np.arange(candidates)
        return 1 - float(np.exp(np.log((self.beta + drawn) / (self.alpha + self.beta + drawn)).sum()))


def _likelihood(alpha: np.ndarray, beta: np.ndarray, kept: int, drawn: int) -> np.ndarray:
    """Log-likelihood of one row at each point, but for a constant."""
    successes = sum((np.log(alpha + i) for i in range(kept)), np.zeros_like(alpha))
    failures = sum((np.log(beta + i) for i in range(drawn - kept)), np.zeros_like(alpha))
    return successes + failures - sum((np.log(alpha + beta + i) for i in range(drawn)), np.zeros_like(alpha))


def _around(axis: np.ndarray, at: int) -> tuple[float, float]:
    return float(axis[max(at - 1, 0)]), float(axis[min(at + 1, len(axis) - 1)])


@dataclass(frozen=True)
class Seen:
    """What the few rows came to.

    Attributes:
        rows: all of them.
        own: counts of the rows that the policy tried.
        retold: counts of the rows that it retold.
        own_tokens: mean tokens of a candidate under the plain prompt.
        retold_tokens: the same under the guided prompt.
        texts: mean tokens of a row that were scored.
        seconds_per_token: of the run, its start included, for each sampled token.
    """

    rows: int
    own: Counts
    retold: Counts
    own_tokens: float
    retold_tokens: float
    texts: float
    seconds_per_token: float


@dataclass(frozen=True)
class Forecast:
    """Of a build with so many candidates.

    Attributes:
        candidates: a phase.
        own: share of rows that the policy solves by itself.
        own_interval: 95 %, over rows.
        retold: share of rows that it retells.
        sampled_tokens: a row, mean.
        scored_tokens: a row, mean.
        seconds: a row, as fast as the few rows went.
    """

    candidates: int
    own: float
    own_interval: tuple[float, float]
    retold: float
    sampled_tokens: float
    scored_tokens: float
    seconds: float

    @property
    def fallback(self) -> float:
        """Share of rows that keep the expert's text."""
        return 1 - self.own - self.retold


def forecast(seen: Seen, candidates: int) -> Forecast:
    """What a build with so many candidates a phase will come to."""
    if not seen.own:
        return Forecast(candidates, 0.0, (0.0, 0.0), 0.0, 0.0, seen.texts, 0.0)
    tried = len(seen.own) / seen.rows
    own = tried * Chance.fitted(seen.own).of_some(candidates)
    rng = np.random.default_rng(0)
    resampled = [_resampled(seen.own, rng) for _ in range(_RESAMPLES)]
    low, high = np.quantile([tried * Chance.fitted(counts).of_some(candidates) for counts in resampled], (0.025, 0.975))
    unsolved = sum(not kept for kept, _ in seen.own)
    left = (tried - own) * (len(seen.retold) / unsolved if unsolved else 1.0)  # some have no room for the guided prompt
    tokens = candidates * (tried * seen.own_tokens + left * seen.retold_tokens)
    retold = left * Chance.fitted(seen.retold).of_some(candidates) if seen.retold else 0.0
    return Forecast(candidates, own, (float(low), float(high)), retold, tokens, seen.texts,
                    tokens * seen.seconds_per_token)  # fmt: skip


def _resampled(counts: Counts, rng: np.random.Generator) -> Counts:
    return [counts[row] for row in rng.integers(len(counts), size=len(counts))]
