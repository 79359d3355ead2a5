"""Counts for a plot: shared bins over several series of values, and pass rates."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Histogram:
    """Several series over the same bins.

    Attributes:
        edges: of the bins, ascending; one more than there are bins.
        counts: values in each bin, by series. The outer bins also hold what lies beyond them.
        medians: of each series that has values.
        beyond: values that lie outside the edges, all series together.
    """

    edges: list[float]
    counts: dict[str, list[int]]
    medians: dict[str, float]
    beyond: int


def histogram(series: Mapping[str, "np.ndarray"], bins: int = 32, *, whole: bool = False) -> Histogram:
    """Count values into about `bins` bins of a round width, from the 1st to the 99th percentile of all of them.

    Args:
        series: values [n] by name; NaN is left out, infinity lies beyond.
        bins: about how many bins.
        whole: values are whole numbers, and so is the width of a bin.
    """
    import numpy as np

    known = {name: values[~np.isnan(values)] for name, values in series.items()}
    pooled = np.concatenate([*known.values(), []])
    if not len(pooled):
        return Histogram([0.0, 1.0], {name: [0] for name in known}, {}, 0)
    finite = pooled[np.isfinite(pooled)]
    low, high = (0.0, 0.0)
    if len(finite):
        low, high = np.quantile(finite, 0.01, method="lower"), np.quantile(finite, 0.99, method="higher")
    width = round_width((high - low) / bins if high - low > 1e-6 else 1.0)
    width = max(1.0, width) if whole else width
    first, last = math.floor(low / width), math.floor(high / width) + 1
    edges = np.arange(first, last + 1) * width
    inside = {name: values.clip(edges[0], np.nextafter(edges[-1], -np.inf)) for name, values in known.items()}
    return Histogram(
        [float(round(edge, 10)) for edge in edges],
        {name: np.histogram(values, edges)[0].tolist() for name, values in inside.items()},
        {name: float(np.median(values)) for name, values in known.items() if len(values)},
        int(((pooled < edges[0]) | (pooled > edges[-1])).sum()),
    )


def round_width(width: float) -> float:
    """The next number of the form 1, 2 or 5 times a power of ten that is not below `width`."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-9))


def pass_rates(correct: "np.ndarray", sampled: "np.ndarray") -> dict[str, int]:
    """Rows by how many of their candidates are correct; by tenths where rows have different or many candidates.

    Args:
        correct: correct candidates of each row [n].
        sampled: candidates of each row [n]; rows without any are left out.
    """
    import numpy as np

    correct, sampled = correct[sampled > 0], sampled[sampled > 0]
    if not len(sampled):
        return {}
    most = int(sampled.max())
    if most == sampled.min() and most <= 16:
        counts = np.bincount(correct, minlength=most + 1)
        return {f"{k} of {most}": int(n) for k, n in enumerate(counts)}
    # None and all are cases of their own; in between, up to and with the upper end of each tenth.
    tenths = np.ceil(correct * 10 / sampled).astype(int) + (correct == sampled)
    counts = np.bincount(tenths, minlength=12)
    labels = ["0 %", *(f"≤{k}0 %" for k in range(1, 10)), "<100 %", "100 %"]
    return {label: int(n) for label, n in zip(labels, counts, strict=True)}
