"""Means over tokens with errors over rows: tokens of one text are not independent of each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

_Z = 1.96  # of a two-sided interval of 95 %

Counted = tuple[Sequence[float], Sequence[float]]
"""Of each row a sum over its tokens, and their number."""


@dataclass(frozen=True)
class Mean:
    """A mean over all tokens of some texts, nats a token, with a 95 % interval.

    Attributes:
        value: of all tokens together.
        low: of the interval; what entropies may be off by widens it.
        high: of the interval.
        texts: how many there are.
    """

    value: float
    low: float
    high: float
    texts: int

    @classmethod
    def of(cls, sums: Sequence[float], tokens: Sequence[int], bound: float = 0.0) -> Self:
        """The ratio of two sums over texts, with its linearised error.

        Args:
            sums: of each text.
            tokens: of each text.
            bound: how far the mean may be off for other reasons, nats a token.
        """
        totals, lengths = np.asarray(sums, np.float64), np.asarray(tokens, np.float64)
        value = float(totals.sum() / lengths.sum())
        if len(totals) < 2:
            return cls(value, float("-inf"), float("inf"), len(totals))
        error = _error(_residuals(totals, lengths, value)) + bound
        return cls(value, value - error, value + error, len(totals))

    @classmethod
    def of_change(cls, before: Counted, after: Counted) -> Self:
        """The ratio of sums after minus that before, over the same texts' rows.

        Args:
            before: sums and tokens of each row.
            after: the same, in the same order.
        """
        means = [float(np.sum(sums) / np.sum(tokens)) for sums, tokens in (before, after)]
        value = means[1] - means[0]
        if len(before[0]) < 2:
            return cls(value, float("-inf"), float("inf"), len(before[0]))
        old, new = (
            _residuals(np.asarray(sums, np.float64), np.asarray(tokens, np.float64), mean)
            for (sums, tokens), mean in zip((before, after), means, strict=True)
        )
        error = _error(new - old)
        return cls(value, value - error, value + error, len(old))


def _residuals(totals: np.ndarray, lengths: np.ndarray, mean: float) -> np.ndarray:
    """What each row adds to the mean's linearised error."""
    return (totals - mean * lengths) / lengths.sum()


def _error(residuals: np.ndarray) -> float:
    rows = len(residuals)
    return _Z * float(np.sqrt(rows / (rows - 1) * (residuals**2).sum()))
