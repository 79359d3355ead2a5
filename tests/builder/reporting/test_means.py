import numpy as np
import pytest

from builder.reporting.means import Mean


def test_a_change_is_surer_than_the_means_that_it_is_between():
    rng = np.random.default_rng(1)
    tokens = rng.integers(20, 60, 200).astype(float)
    before = tokens * rng.normal(1.0, 0.5, 200)  # rows differ much
    after = before - tokens * rng.normal(0.2, 0.05, 200)  # and move alike
    found = Mean.of_change((before, tokens), (after, tokens))
    assert found.low < -0.2 < found.high
    assert found.high - found.low < (Mean.of(before, tokens).high - Mean.of(before, tokens).low) / 4


def test_the_interval_of_a_change_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        tokens, other = (rng.integers(10, 60, 80).astype(float) for _ in range(2))
        difficulty = rng.normal(0, 0.5, 80)
        before, after = tokens * (1.0 + difficulty), other * (0.7 + difficulty + rng.normal(0, 0.3, 80))
        found = Mean.of_change((before, tokens), (after, other))
        held += found.low < -0.3 < found.high
    assert 0.90 < held / 300 < 0.99


def test_one_row_has_no_error_to_speak_of():
    found = Mean.of_change(([2.0], [4.0]), ([1.0], [4.0]))
    assert (found.value, found.low) == (pytest.approx(-0.25), float("-inf"))
