"""What is made of verdicts: pure functions of counts, one problem or all problems at a time."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

Mean = tuple[float, float | None]
"""A mean and its standard error; None where a single problem leaves it unknown."""


def clustered_mean(per_problem: Sequence[float]) -> Mean:
    """Mean over problems, and its standard error clustered by problem.

    The samples of one problem are not independent of each other, the problems are: the error is the sample standard
    deviation of the per-problem means over the square root of the number of problems (Miller 2024, equation 4).

    Args:
        per_problem: `[problems]` mean of each problem's samples.
    """
    n = len(per_problem)
    mean = math.fsum(per_problem) / n
    if n == 1:
        return mean, None
    variance = math.fsum((value - mean) ** 2 for value in per_problem) / (n - 1)
    return mean, math.sqrt(variance / n)


def clustered_ratio(totals: Sequence[float], weights: Sequence[float]) -> Mean:
    """Ratio of two means over problems, and its standard error clustered by problem, to first order.

    The error is that of the mean of `total - ratio * weight`, over the mean weight (the linearised ratio estimator,
    Cochran 1977, chapter 6).

    Args:
        totals: `[problems]`.
        weights: `[problems]`, above 0.
    """
    ratio = math.fsum(totals) / math.fsum(weights)
    _, error = clustered_mean([total - ratio * weight for total, weight in zip(totals, weights, strict=True)])
    return ratio, None if error is None else error / (math.fsum(weights) / len(weights))


def unweighted_average(means: Sequence[Mean]) -> Mean:
    """Average over benchmarks, each counted alike however many problems it has, as in the paper's Table 2.

    Benchmarks are independent of each other, so that their squared errors add up.
    """
    n = len(means)
    errors = [error for _, error in means]
    mean = math.fsum(mean for mean, _ in means) / n
    return mean, None if None in errors else math.sqrt(math.fsum(error**2 for error in errors)) / n


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Probability that at least one of `k` samples, drawn without replacement from those at hand, is correct.

    The unbiased estimator of Chen et al. 2021, equation 1.

    Raises:
        ValueError: there are fewer than `k` samples.
    """
    if k > samples:
        raise ValueError(f"pass@{k} needs {k} samples, there are {samples}")
    return 1.0 - math.comb(samples - correct, k) / math.comb(samples, k)


def majority_at_k(votes: Mapping[int, int], right: int, abstained: int, k: int) -> float:
    """Probability that the most frequent answer among `k` samples is the right one.

    The expected value over all subsets of `k` of the samples at hand and over fair tie-breaks, computed exactly.
    A sample without an answer has no vote; without any vote nothing is right.

    Args:
        votes: samples by answer class.
        right: the class of right answers; it may have no votes.
        abstained: samples without an answer.
        k: samples that vote.

    Raises:
        ValueError: there are fewer than `k` samples.
    """
    samples = sum(votes.values()) + abstained
    if k > samples:
        raise ValueError(f"majority@{k} needs {k} samples, there are {samples}")
    others = tuple(sorted(size for answer, size in votes.items() if answer != right and size))
    return _majority(others, votes.get(right, 0), abstained, k)


@lru_cache(maxsize=4096)
def _majority(others: tuple[int, ...], right: int, abstained: int, k: int) -> float:
    total = 0.0
    for top in range(1, min(right, k) + 1):
        # ways[(chosen, ties)]: choices from the other classes with at most `top` of each, `ties` of them with exactly.
        ways = {(0, 0): 1}
        for size in others:
            further: dict[tuple[int, int], int] = {}
            for (chosen, ties), number in ways.items():
                for taken in range(min(size, top, k - top - chosen) + 1):
                    key = (chosen + taken, ties + (taken == top))
                    further[key] = further.get(key, 0) + number * math.comb(size, taken)
            ways = further
        for (chosen, ties), number in ways.items():
            rest = math.comb(abstained, k - top - chosen)
            total += math.comb(right, top) * number * rest / (ties + 1)
    return total / math.comb(right + sum(others) + abstained, k)


def powers_of_two(samples: int) -> list[int]:
    """The values of k that are reported: 1, 2, 4, ... and the number of samples itself."""
    return sorted({2**i for i in range(samples.bit_length())} | {samples})
