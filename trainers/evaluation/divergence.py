"""The Kullback-Leibler divergence of two policies, estimated from samples of one of them.

For a prompt x and policies p and q

    KL(p || q | x) = E [log p(y|x) - log q(y|x)] = E [sum over t of log p(y_t) - log q(y_t)],  y drawn from p,

in nats a response. Per token it is divided by the expected length of a response, prompts counted alike:

    D(p || q) = E_x E_y [sum over t of log p(y_t) - log q(y_t)] / E_x E_y [T].

The estimate puts means over the samples of p in both places. It is consistent, and may be negative by chance. All
log-probs are those of temperature 1, and so are the samples: those of another temperature would weigh the sum by
another distribution than p. A response that was cut off counts up to its cut: that is the divergence of what the
policies write up to there, because the sum over tokens may stop wherever what was written so far says so.
"""

import math
from collections.abc import Sequence
from typing import Any

from trainers.evaluation.metrics import Mean, clustered_mean, clustered_ratio, unweighted_average


def divergence(
    ratios: Sequence[Sequence[float]], tokens: Sequence[Sequence[int]], truncated: Sequence[Sequence[bool]]
) -> dict[str, Any]:
    """The figures of one set of prompts; all arguments are `[prompts][samples]`.

    Args:
        ratios: log p(y|x) - log q(y|x), sum over tokens, nats.
        tokens: of the sample.
        truncated: whether it was cut off.

    Returns:
        `per_token` (D, nats a token) and `per_sample` (nats a response), each with its standard error clustered by
        prompt, `stderr` and `per_sample_stderr`; `tokens`: mean length; `truncated`: share of samples.
    """
    counts = [len(of_prompt) for of_prompt in ratios]
    means = [math.fsum(of_prompt) / n for of_prompt, n in zip(ratios, counts, strict=True)]
    lengths = [sum(of_prompt) / n for of_prompt, n in zip(tokens, counts, strict=True)]
    per_token, stderr = clustered_ratio(means, lengths)
    per_sample, per_sample_stderr = clustered_mean(means)
    return {
        "per_token": per_token,
        "stderr": stderr,
        "per_sample": per_sample,
        "per_sample_stderr": per_sample_stderr,
        "tokens": sum(lengths) / len(lengths),
        "truncated": sum(map(sum, truncated)) / sum(counts),
    }


def average_divergence(figures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The same over several sets of prompts, each counted alike."""

    def mean(value: str, error: str) -> Mean:
        return unweighted_average([(f[value], f[error]) for f in figures])

    per_token, stderr = mean("per_token", "stderr")
    per_sample, per_sample_stderr = mean("per_sample", "per_sample_stderr")
    return {
        "per_token": per_token,
        "stderr": stderr,
        "per_sample": per_sample,
        "per_sample_stderr": per_sample_stderr,
        **{name: math.fsum(f[name] for f in figures) / len(figures) for name in ("tokens", "truncated")},
    }
