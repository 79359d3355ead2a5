"""The paired bootstrap over problems (Efron & Tibshirani 1993, chapters 13 and 16).

Problems are drawn with replacement, the same ones for both runs; intervals are percentile intervals, p-values count
resamples on the other side of zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 10_000
CONFIDENCE = 0.95
_AT_ONCE = 500  # resamples, to bound memory


@dataclass(frozen=True)
class Difference:
    """A figure of run B minus that of run A.

    Attributes:
        metric: what the figure is.
        name: benchmark or prompts, or `average`.
        problems: how many both were asked.
        before: of A.
        after: of B.
        low: lower end of the 95 % interval of the difference.
        high: its upper end.
        p_value: two-sided; small if a difference of zero is unlikely.
    """

    metric: str
    name: str
    problems: int
    before: float
    after: float
    low: float
    high: float
    p_value: float

    @property
    def difference(self) -> float:
        """The point estimate."""
        return self.after - self.before


def resampled_means(values: "np.ndarray", rng: "np.random.Generator") -> "np.ndarray":
    """Mean of each resample of values `[problems]`, `[RESAMPLES]`."""
    import numpy as np

    return np.concatenate([values[chosen].mean(axis=1) for chosen in _resamples(len(values), rng)])


def resampled_ratios(totals: "np.ndarray", weights: "np.ndarray", rng: "np.random.Generator") -> "np.ndarray":
    """Difference of both sides' ratios of sums in each resample, `[RESAMPLES]`.

    Args:
        totals: `[2, problems]`, of A and B.
        weights: the same.
        rng: draws the resamples.
    """
    import numpy as np

    parts = []
    for chosen in _resamples(totals.shape[1], rng):
        before, after = totals[:, chosen].sum(axis=2) / weights[:, chosen].sum(axis=2)
        parts.append(after - before)
    return np.concatenate(parts)


def difference(
    metric: str, name: str, problems: int, before: float, after: float, resampled: "np.ndarray"
) -> Difference:
    """The difference of two figures, with what its resamples say about it."""
    import numpy as np

    tail = (1 - CONFIDENCE) / 2
    low, high = (float(q) for q in np.quantile(resampled, (tail, 1 - tail)))
    # The observed data count as one resample: with few resamples beyond zero, p is small but never zero.
    beyond = min(int((resampled <= 0).sum()), int((resampled >= 0).sum()))
    return Difference(metric, name, problems, before, after, low, high, min(1.0, 2 * (beyond + 1) / (RESAMPLES + 1)))


def averaged(metric: str, found: list[Difference], resampled: "list[np.ndarray]") -> list[Difference]:
    """Those differences and, if there are several, that of their averages, each counted alike."""
    import numpy as np

    if len(found) < 2:
        return found
    sides = (float(np.mean([getattr(d, side) for d in found])) for side in ("before", "after"))
    problems = sum(d.problems for d in found)
    return [*found, difference(metric, "average", problems, *sides, np.mean(resampled, axis=0))]


def _resamples(n: int, rng: "np.random.Generator") -> "Iterator[np.ndarray]":
    """Numbers of the drawn problems, `[resamples, n]`, a part at a time."""
    return (rng.integers(n, size=(_AT_ONCE, n)) for _ in range(RESAMPLES // _AT_ONCE))
