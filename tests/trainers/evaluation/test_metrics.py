import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.evaluation.metrics import (
    clustered_mean,
    clustered_ratio,
    majority_at_k,
    pass_at_k,
    powers_of_two,
    unweighted_average,
)


def test_the_clustered_error_is_that_of_the_problem_means():
    # Means 0, 1/2, 1: sample variance 1/4, over 3 problems.
    assert clustered_mean([0.0, 0.5, 1.0]) == pytest.approx((0.5, math.sqrt(0.25 / 3)))


def test_for_single_samples_it_is_the_binomial_error():
    n, right = 50, 20
    mean, error = clustered_mean([1.0] * right + [0.0] * (n - right))
    assert mean == pytest.approx(0.4)
    assert error == pytest.approx(math.sqrt(0.4 * 0.6 / (n - 1)))


def test_samples_that_repeat_each_other_do_not_make_the_error_smaller():
    # Ten copies of each sample leave the problem means, and with them the error, what they were.
    assert clustered_mean([sum([c] * 10) / 10 for c in (0, 1, 1)]) == pytest.approx(clustered_mean([0, 1, 1]))


def test_one_problem_has_no_error():
    assert clustered_mean([0.25]) == (0.25, None)
    assert unweighted_average([(0.25, None), (0.5, 0.1)]) == (0.375, None)


def test_the_average_counts_benchmarks_alike_and_adds_their_squared_errors():
    assert unweighted_average([(0.2, 0.03), (0.6, 0.04)]) == pytest.approx((0.4, 0.05 / 2))


def test_the_error_of_a_ratio_is_that_of_the_mean_where_weights_are_alike():
    totals = [0.0, 1.0, 5.0]
    mean, error = clustered_mean(totals)
    assert clustered_ratio(totals, [4.0] * 3) == pytest.approx((mean / 4, error / 4))
    # What grows with the weight alone leaves the ratio certain.
    assert clustered_ratio([2.0, 4.0, 10.0], [1.0, 2.0, 5.0]) == pytest.approx((2.0, 0.0))
    assert clustered_ratio([3.0], [2.0]) == (1.5, None)


counted = st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))


@given(counted)
def test_pass_at_k_is_the_share_of_subsets_with_a_right_sample(drawn):
    n, correct, k = drawn
    subsets = list(combinations([True] * correct + [False] * (n - correct), k))
    assert pass_at_k(n, correct, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_pass_at_k_of_more_samples_than_there_are_is_refused():
    with pytest.raises(ValueError, match="pass@5 needs 5 samples, there are 4"):
        pass_at_k(4, 1, 5)


def by_counting(answers, right, k):
    """Every subset of k samples: 1, a fair share of a tie, or 0."""
    subsets = list(combinations(answers, k))
    total = 0.0
    for subset in subsets:
        votes = [answer for answer in subset if answer is not None]
        most = max(map(votes.count, votes), default=0)
        winners = {answer for answer in votes if votes.count(answer) == most}
        total += (right in winners) / len(winners) if winners else 0
    return total / len(subsets)


@given(st.lists(st.sampled_from([0, 1, 2, 3, None]), min_size=1, max_size=8), st.data())
def test_majority_at_k_is_the_expectation_over_subsets_and_tie_breaks(answers, data):
    k = data.draw(st.integers(1, len(answers)))
    votes = {answer: answers.count(answer) for answer in set(answers) - {None}}
    assert majority_at_k(votes, 0, answers.count(None), k) == pytest.approx(by_counting(answers, 0, k))


@pytest.mark.parametrize(
    ("votes", "abstained", "expected"),
    [
        ({0: 3, 1: 2}, 0, 1.0),
        ({0: 2, 1: 2}, 0, 0.5),
        ({0: 1, 1: 1, 2: 1}, 0, 1 / 3),
        ({1: 1}, 3, 0.0),
        ({0: 1}, 3, 1.0),
    ],
)
def test_the_vote_of_all_samples(votes, abstained, expected):
    assert majority_at_k(votes, 0, abstained, sum(votes.values()) + abstained) == pytest.approx(expected)


def test_majority_at_one_is_accuracy():
    assert majority_at_k({0: 3, 1: 4}, 0, 1, 1) == pytest.approx(3 / 8)


@pytest.mark.parametrize(("samples", "ks"), [(1, [1]), (4, [1, 2, 4]), (6, [1, 2, 4, 6]), (16, [1, 2, 4, 8, 16])])
def test_the_values_of_k_that_are_reported(samples, ks):
    assert powers_of_two(samples) == ks
