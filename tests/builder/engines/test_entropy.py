"""Entropies from the likeliest tokens alone, against those of whole distributions."""

import numpy as np
import pytest

from builder.engines.entropy import entropies_of

VOCABULARY = 5000


def distribution(kind, rng):
    if kind == "power law":
        weights = np.arange(1, VOCABULARY + 1) ** -rng.uniform(0.6, 3.0)
    elif kind == "softmax":
        weights = np.exp(rng.normal(0, rng.uniform(0.5, 4), VOCABULARY))
    elif kind == "uniform":
        weights = np.ones(VOCABULARY)
    else:
        weights = np.full(VOCABULARY, 1e-12)
        weights[0] = 1.0
    return weights / weights.sum()


def known(probabilities, k):
    return np.log(np.sort(probabilities)[::-1][:k]).tolist()


@pytest.mark.parametrize("kind", ["power law", "softmax", "uniform", "certain"])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_the_entropy_lies_within_the_bound_of_the_estimate(kind, k):
    rng = np.random.default_rng(0)
    distributions = [distribution(kind, rng) for _ in range(50)]
    exact = np.array([-(p * np.log(p)).sum() for p in distributions])
    estimates, bounds = entropies_of([known(p, k) for p in distributions], VOCABULARY)
    assert np.all(np.abs(estimates - exact) <= np.array(bounds) + 1e-6)
    if kind in ("power law", "uniform") and k > 1:  # what the tail is taken for
        assert estimates == pytest.approx(exact, abs=0.02)


def test_with_all_tokens_known_nothing_is_estimated():
    probabilities = np.array([0.5, 0.3, 0.2])
    estimates, bounds = entropies_of([known(probabilities, 3)], 3)
    assert estimates == pytest.approx([-(probabilities * np.log(probabilities)).sum()])
    assert bounds == [0.0]


def test_rounding_that_leaves_no_mass_for_the_tail_does_no_harm():
    estimates, bounds = entropies_of([[1e-7, -18.0]], VOCABULARY)
    assert estimates == pytest.approx([0.0], abs=1e-5)
    assert bounds == [0.0]
