from collections import Counter

import numpy as np
import pytest

from builder.errors import InputError
from trainers.data.mixture import Mixture, Part, parts_of
from trainers.data.rows import Row, Rows
from trainers.training.source import mixed


def test_what_the_command_line_says():
    assert parts_of(["a@v1.0:3", "b.jsonl:1"], ["full", "text"]) == (
        Part("a@v1.0", "full", 0.75),
        Part("b.jsonl", "text", 0.25),
    )
    assert parts_of(["a", "b"], ["expert"]) == (Part("a", "expert", None), Part("b", "expert", None))
    assert parts_of(["C:/data/a"], ["full"]) == (Part("C:/data/a", "full", None),)


@pytest.mark.parametrize(
    ("datasets", "data", "message"),
    [
        (["a:0.5", "b"], ["full"], "--dataset a:0.5 b: shares are for several datasets, and then for all of them"),
        (["a:0.5"], ["full"], "shares are for several datasets"),
        (["a:0", "b:1"], ["full"], "a share must be above 0"),
        (["a", "b", "c"], ["full", "text"], "--data full text: give one for all of the 3 datasets, or one for each"),
    ],
)
def test_what_it_cannot_mean(datasets, data, message):
    with pytest.raises(InputError, match=message):
        parts_of(datasets, data)


SMALL, LARGE = 6, 50
MIXTURE = Mixture(np.array([1] * LARGE + [0] * SMALL), [0.3, 0.7])


def test_an_epoch_ends_with_the_scarcest_dataset_and_repeats_exactly():
    assert MIXTURE.quotas == [6, 14]
    order = MIXTURE.order(seed=1, epoch=0)
    assert Counter(MIXTURE.origins[order]) == {0: 6, 1: 14}
    assert len(set(order.tolist())) == 20
    np.testing.assert_array_equal(order, MIXTURE.order(seed=1, epoch=0))
    assert order.tolist() != MIXTURE.order(seed=2, epoch=0).tolist()
    assert MIXTURE.origins[order[:6]].tolist() != [0] * 6  # mixed, not after each other


def test_over_epochs_every_row_of_a_dataset_comes_equally_often():
    epochs = [MIXTURE.order(seed=1, epoch=epoch) for epoch in range(25)]  # 150 and 350 rows: 25 and 7 passes
    counts = Counter(np.concatenate(epochs).tolist())
    assert {counts[row] for row in range(LARGE)} == {7}
    assert {counts[row] for row in range(LARGE, LARGE + SMALL)} == {25}


def test_a_dataset_without_a_row_in_an_epoch_is_refused():
    with pytest.raises(InputError, match=r"a mixture of 50, 0 rows by shares of 0\.5, 0\.5 has no row of one dataset"):
        _ = Mixture(np.zeros(50, int), [0.5, 0.5]).quotas
    with pytest.raises(InputError, match="has no row of one dataset"):
        _ = Mixture(np.array([0] * 50 + [1] * 50), [0.999, 0.001]).quotas


def test_rows_are_held_out_by_shares():
    drawn = MIXTURE.drawn(5, seed=0)
    assert Counter(MIXTURE.origins[drawn]) == {0: 2, 1: 3}  # 1.5 and 3.5: the first takes what rounding leaves
    assert len(set(drawn.tolist())) == 5
    with pytest.raises(InputError, match="--held-out 40 takes 12 rows of a dataset of 6"):
        MIXTURE.drawn(40, seed=0)


def test_a_rows_origin_is_known():
    def rows(*names):
        return Rows([Row(name, np.ones(1), np.ones(2), np.zeros(2), np.zeros(2)) for name in names])

    parts = (Part("releases/a", "full", 0.5), Part("b.jsonl", "text", 0.5))
    both = mixed(parts, [rows("x", "y"), rows("x")])
    assert both.ids == ["releases/a#x", "releases/a#y", "b.jsonl#x"]
    assert both.origins.tolist() == [0, 0, 1]
    taken = both.take([2, 0])
    assert (taken.origins.tolist(), taken.mixture.shares) == ([1, 0], [0.5, 0.5])
    assert mixed(parts[:1], [rows("x")]).ids == ["x"]
