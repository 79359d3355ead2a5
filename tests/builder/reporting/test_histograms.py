import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.reporting.histograms import histogram, pass_rates, round_width

numbers = st.lists(st.floats(-1e6, 1e6), max_size=100).map(lambda v: np.array(v, dtype=float))


@given(numbers, numbers)
def test_every_value_is_counted_once(first, second):
    found = histogram({"a": first, "b": second})
    assert sum(found.counts["a"]) == len(first)
    assert sum(found.counts["b"]) == len(second)
    assert found.edges == sorted(set(found.edges))
    assert {len(counts) for counts in found.counts.values()} == {len(found.edges) - 1}


def test_outliers_are_in_the_outer_bins_and_counted_as_such():
    values = np.concatenate([np.linspace(0, 1, 1000), [1e9, -np.inf]])
    found = histogram({"a": values}, bins=10)
    assert found.edges[0] == 0
    assert found.edges[-1] < 2
    assert sum(found.counts["a"]) == 1002
    assert found.beyond == 2


def test_unknown_values_are_left_out():
    found = histogram({"a": np.array([1.0, np.nan, 3.0])})
    assert sum(found.counts["a"]) == 2
    assert found.medians == {"a": 2.0}
    assert histogram({"a": np.array([np.nan])}).medians == {}


def test_bins_of_whole_numbers_are_never_narrower_than_one():
    found = histogram({"a": np.arange(5.0)}, whole=True)
    assert found.counts["a"] == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(("width", "rounded"), [(0.03, 0.05), (1, 1), (2.1, 5), (7, 10), (0.1, 0.1), (60, 100)])
def test_round_width(width, rounded):
    assert round_width(width) == pytest.approx(rounded)


def test_pass_rates_by_number_where_all_rows_have_as_many_candidates():
    found = pass_rates(np.array([0, 2, 2, 1, 0]), np.array([2, 2, 2, 2, 0]))
    assert found == {"0 of 2": 1, "1 of 2": 1, "2 of 2": 2}  # the last row had no candidate


def test_pass_rates_by_tenths_otherwise():
    found = pass_rates(np.array([0, 1, 20, 19, 2, 1]), np.array([20, 20, 20, 20, 20, 1]))
    assert {label: n for label, n in found.items() if n} == {"0 %": 1, "≤10 %": 2, "<100 %": 1, "100 %": 2}
    assert sum(found.values()) == 6


def test_no_candidates_no_pass_rates():
    assert pass_rates(np.array([0]), np.array([0])) == {}
