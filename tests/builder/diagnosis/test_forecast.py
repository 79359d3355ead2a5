import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.diagnosis.forecast import Chance, Seen, forecast


def drawn(alpha, beta, rows, candidates):
    rng = np.random.default_rng(7)
    chances = rng.beta(alpha, beta, rows)
    return chances, [(int(kept), candidates) for kept in rng.binomial(candidates, chances)]


@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.5), (2.0, 2.0), (0.5, 6.0)])
def test_four_candidates_tell_what_ten_will_solve(alpha, beta):
    chances, counts = drawn(alpha, beta, 2000, 4)
    assert Chance.fitted(counts).of_some(10) == pytest.approx(np.mean(1 - (1 - chances) ** 10), abs=0.03)
    assert Chance.fitted(counts).of_some(4) == pytest.approx(np.mean([kept > 0 for kept, _ in counts]), abs=0.02)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(1, 20))
def test_more_candidates_never_solve_less(kept, candidates):
    chance = Chance.fitted([(number, 4) for number in kept])
    assert 0 <= chance.of_some(candidates) <= chance.of_some(candidates + 1) <= 1


@pytest.mark.parametrize(("kept", "share"), [(0, 0.0), (4, 1.0)])
def test_all_or_nothing_is_taken_as_it_is(kept, share):
    assert Chance.fitted([(kept, 4)] * 50).of_some(10) == pytest.approx(share, abs=0.01)


def seen(own, retold, rows=None):
    return Seen(rows or len(own), own, retold, own_tokens=100.0, retold_tokens=50.0, texts=70.0, seconds_per_token=0.01)


def test_a_build_of_the_same_size_comes_to_what_was_seen():
    _, own = drawn(0.5, 0.5, 400, 4)
    unsolved = sum(not kept for kept, _ in own)
    _, retold = drawn(1.0, 2.0, unsolved, 4)
    found = forecast(seen(own, retold), 4)
    assert found.own == pytest.approx(1 - unsolved / 400, abs=0.02)
    assert found.own_interval[0] < found.own < found.own_interval[1]
    assert found.retold == pytest.approx(sum(kept > 0 for kept, _ in retold) / 400, abs=0.02)
    assert found.own + found.retold + found.fallback == pytest.approx(1)
    assert found.sampled_tokens == pytest.approx(4 * (100 + unsolved / 400 * 50), rel=0.02)
    assert found.seconds == pytest.approx(found.sampled_tokens * 0.01)


def test_rows_that_nobody_tries_keep_the_experts_text():
    found = forecast(seen([(4, 4)] * 30, [], rows=40), 10)
    assert found.own == pytest.approx(0.75, abs=0.01)
    assert found.fallback == pytest.approx(0.25, abs=0.01)


def test_where_no_row_can_be_tried_everything_is_fallback():
    found = forecast(seen([], [], rows=40), 10)
    assert (found.own, found.own_interval, found.fallback, found.sampled_tokens) == (0, (0, 0), 1, 0)
