import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.reporting.policy_gap import LEVELS, StreamedWeights, describe, effective_sample_size

log_weights = st.lists(st.floats(-50, 50), min_size=1, max_size=200).map(np.array)


def test_equal_weights_are_all_effective_whatever_their_size():
    assert effective_sample_size(np.full(10, -3000.0)) == pytest.approx(1)
    assert effective_sample_size(np.full((2, 5), 800.0)) == pytest.approx(1)


def test_one_heavy_weight_leaves_one_effective_row():
    assert effective_sample_size(np.array([0.0, -900.0, -900.0, -900.0])) == pytest.approx(1 / 4)


def test_against_the_formula():
    weights = np.array([1.0, 2.0, 5.0])
    found = describe(np.log(weights))
    assert found.count == 3
    assert found.effective == pytest.approx(weights.sum() ** 2 / (3 * (weights**2).sum()))
    assert found.log_mean == pytest.approx(np.log(weights.mean()))
    assert np.exp(found.log_quantiles) == pytest.approx([1, 1, 2, 5, 5])


@given(log_weights, st.floats(-700, 700))
def test_a_common_factor_changes_nothing_but_the_mean(values, shift):
    before, after = describe(values), describe(values + shift)
    assert after.effective == pytest.approx(before.effective, rel=1e-6)
    assert after.log_mean == pytest.approx(before.log_mean + shift, abs=1e-6)
    assert 1 / len(values) - 1e-9 <= before.effective <= 1 + 1e-9


@given(log_weights, st.integers(1, 7))
def test_streamed_in_batches_of_any_size_and_merged_it_is_the_same(values, size):
    streamed, rest = StreamedWeights(), StreamedWeights()
    for start in range(0, len(values), size):
        (streamed if start % 2 else rest).add(values[start : start + size])
    streamed.merge(rest)
    found, exact = streamed.describe(), describe(values)
    assert found.count == exact.count
    assert found.effective == pytest.approx(exact.effective)
    assert found.log_mean == pytest.approx(exact.log_mean)
    assert len(found.log_quantiles) == len(LEVELS)
    assert found.log_quantiles == pytest.approx(exact.log_quantiles, abs=StreamedWeights.RESOLUTION)


def test_impossible_tokens_weigh_nothing():
    values = np.array([-np.inf, 0.0, 0.0, -np.inf])
    streamed = StreamedWeights()
    streamed.add(values[:1])
    streamed.add(values[1:])
    for found in (describe(values), streamed.describe()):
        assert found.effective == pytest.approx(0.5)
        assert found.log_mean == pytest.approx(np.log(0.5))
    assert describe(values[:1]).effective == 0
    assert describe(values).log_quantiles[0] == -np.inf


def test_nothing_is_described_as_nothing():
    for found in (describe(np.array([])), StreamedWeights().describe()):
        assert (found.count, found.effective, found.log_mean, found.log_quantiles) == (0, 0, -np.inf, ())
