"""Entropies of next-token distributions of which an engine tells only the likeliest tokens.

A distribution's tail is taken for a power law of the rank, which begins where the known tokens end and holds the mass
that they leave. What the entropy can be at most and at least, whatever the tail looks like, is known exactly:

- least, if the tail's tokens are as likely as the last known one, and as few as that allows;
- most, if all of them are equally likely.

`python -m scripts.bench.entropies` compares estimate and bounds with exact entropies on real solutions.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_STEPS = 26  # of bisection: the exponent is right to 1e-6
_STEEPEST = 60.0  # exponent
_NEAR_ONE = 1e-4  # where a power's integral is taken for its limit, the logarithm
_NO_MASS = 1e-9  # of the tail: rounding


def entropies_of(likeliest: Sequence[Sequence[float]], vocabulary: int) -> tuple[list[float], list[float]]:
    """Entropy at each place, and how far it may be off at most.

    Args:
        likeliest: `[time, k]`, log-probs (nats) of the k likeliest tokens at each place, in descending order.
        vocabulary: tokens that the model has.

    Returns:
        Estimates and bounds on their error, nats, `[time]` each.
    """
    import numpy as np

    top = np.array(likeliest, np.float64)
    k, known = top.shape[1], np.exp(top)
    entropy = -(known * top).sum(axis=1)
    mass = np.maximum(0.0, 1.0 - known.sum(axis=1))
    rest = vocabulary - k
    if rest <= 0:
        return entropy.tolist(), [0.0] * len(entropy)
    mass = np.where(mass < _NO_MASS, 0.0, np.minimum(mass, rest * known[:, -1]))
    least = -mass * top[:, -1]
    most = -mass * np.log(np.maximum(mass, _NO_MASS) / rest)
    tail = np.clip(_power_law(mass, top[:, -1], k, vocabulary), least, most)
    return (entropy + tail).tolist(), np.maximum(tail - least, most - tail).tolist()


def _power_law(mass: "np.ndarray", last: "np.ndarray", k: int, vocabulary: int) -> "np.ndarray":
    """-sum p log p over ranks above k, where p(r) = exp(last) (r / k)^-a and a is such that the sum of p is `mass`.

    Sums over ranks are taken for integrals between half ranks.
    """
    import numpy as np

    ends = np.log((k + 0.5) / k), np.log((vocabulary + 0.5) / k)
    height = k * np.exp(last)
    share = mass / np.maximum(height, np.finfo(float).tiny)
    low, high = np.zeros_like(mass), np.full_like(mass, _STEEPEST)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        too_much = _integral(1 - middle, *ends) > share
        low, high = np.where(too_much, middle, low), np.where(too_much, high, middle)
    return -mass * last + high * height * _log_integral(1 - high, *ends)


def _integral(power: "np.ndarray", start: float, end: float) -> "np.ndarray":
    """Integral of u^(power - 1) from u = e^start to e^end."""
    import numpy as np

    near = np.abs(power) < _NEAR_ONE
    safe = np.where(near, 1.0, power)
    return np.where(near, end - start, (np.exp(safe * end) - np.exp(safe * start)) / safe)


def _log_integral(power: "np.ndarray", start: float, end: float) -> "np.ndarray":
    """Integral of u^(power - 1) log u between the same ends."""
    import numpy as np

    near = np.abs(power) < _NEAR_ONE
    safe = np.where(near, 1.0, power)
    upper, lower = (np.exp(safe * x) * (safe * x - 1) for x in (end, start))
    return np.where(near, (end**2 - start**2) / 2, (upper - lower) / safe**2)
