import numpy as np
import pytest

from trainers.evaluation.divergence import average_divergence, divergence


def drawn(rng, prompts, samples=4):
    """Sums and lengths of prompts that differ in both; a token adds 0.2 nats on average, more where texts are short."""
    lengths = rng.integers(2, 30, size=(prompts, 1)) + rng.integers(1, 10, size=(prompts, samples))
    ratios = lengths * 0.1 + 2 + rng.normal(size=(prompts, 1)) + rng.normal(size=(prompts, samples))
    return ratios, lengths


def test_it_is_the_ratio_of_sums_not_the_mean_of_ratios():
    found = divergence([[1.0], [3.0]], [[1], [9]], [[False], [True]])
    assert (found["per_token"], found["per_sample"], found["tokens"], found["truncated"]) == (0.4, 2.0, 5.0, 0.5)


def test_its_error_is_the_spread_of_estimates_over_prompts_drawn_anew():
    rng = np.random.default_rng(0)
    found = [divergence(*drawn(rng, 40), [[False] * 4] * 40) for _ in range(300)]
    spread = np.std([f["per_token"] for f in found])
    assert np.mean([f["stderr"] for f in found]) == pytest.approx(spread, rel=0.12)


def test_one_prompt_has_no_error():
    found = divergence([[1.0, 2.0]], [[3, 3]], [[False, False]])
    assert (found["per_token"], found["stderr"], found["per_sample_stderr"]) == (0.5, None, None)


def test_the_average_counts_sets_of_prompts_alike():
    many, few = divergence([[1.0]] * 9, [[1]] * 9, [[False]] * 9), divergence([[6.0]] * 2, [[2]] * 2, [[True]] * 2)
    found = average_divergence([many, few])
    assert (found["per_token"], found["per_sample"], found["tokens"], found["truncated"]) == (2.0, 3.5, 1.5, 0.5)
