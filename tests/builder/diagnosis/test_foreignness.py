import numpy as np
import pytest

from builder.diagnosis.foreignness import Text, foreignness
from builder.reporting.means import Mean


def texts(mean, *, number=200, spread=0.0, length=40, bound=0.0, origin=None):
    rng = np.random.default_rng(3)
    return [Text(origin, rng.normal(mean + rng.normal(0, spread), 1.0, length), bound) for _ in range(number)]


def test_what_the_policy_writes_is_not_foreign_and_what_it_would_not_write_is():
    own, foreign = foreignness(texts(0)), foreignness(texts(1))
    assert own.all.low < 0 < own.all.high
    assert own.foreign < 0.1
    assert foreign.all.low > 0.9
    assert foreign.foreign > 0.99


def test_the_interval_is_over_texts_and_not_over_tokens():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        means = rng.normal(0.3, 0.5, 60)  # of texts: their tokens are not independent
        tokens = rng.integers(10, 60, 60)
        sums = means * tokens + rng.normal(0, tokens**0.5)
        found = Mean.of(sums, tokens)
        held += found.low < 0.3 < found.high
    assert 0.90 < held / 300 < 0.99


def test_entropies_that_may_be_off_widen_it_and_make_nothing_foreign():
    exact, estimated = texts(0.2, bound=0.0), texts(0.2, bound=40 * 0.5)
    a, b = foreignness(exact), foreignness(estimated)
    assert b.all.low == pytest.approx(a.all.low - 0.5)
    assert b.all.high == pytest.approx(a.all.high + 0.5)
    assert a.foreign > 0
    assert b.foreign == 0


def test_origins_and_quarters_are_told_apart():
    late = [Text("late", np.repeat([0.0, 0.0, 0.0, 4.0], 5), 0.0)] * 3
    found = foreignness([*late, *([Text("even", np.ones(8), 0.0)] * 5), Text(None, np.zeros(3), 0.0)])
    assert list(found.by_origin) == ["even", "late", "unknown"]
    assert found.by_origin["even"].value == found.by_origin["late"].value == 1
    assert found.by_quarter[3].value == pytest.approx((3 * 20 + 5 * 2) / (3 * 5 + 5 * 2))  # three tokens have no fourth
    assert sum(quarter.texts for quarter in found.by_quarter) == 4 * 9 - 1
    assert foreignness(late).by_origin == {}


def test_a_single_text_has_no_error_to_speak_of():
    (low, high) = (lambda mean: (mean.low, mean.high))(Mean.of([2.0], [4]))
    assert (low, high) == (float("-inf"), float("inf"))
