import numpy as np
import pytest

from trainers.data.batches import StepSampler, deal, fill, positions, shuffled_steps
from trainers.data.mixture import Mixture

LENGTHS = np.random.default_rng(0).integers(5, 100, 53)


def sampler(**changes):
    settings = {"batch_size": 8, "accumulation": 2, "batching": "bucketed", "seed": 1, "rank": 0, "world": 1}
    return StepSampler(LENGTHS, **(settings | changes))


def test_every_row_comes_once_an_epoch_in_an_order_of_its_own():
    first, second = (shuffled_steps(53, 8, seed=1, epoch=epoch) for epoch in (0, 1))
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == list(range(53))
    assert [len(step) for step in first] == [8] * 6 + [5]
    assert not np.array_equal(first[0], second[0])
    assert np.array_equal(first[0], shuffled_steps(53, 8, seed=1, epoch=0)[0])


@pytest.mark.parametrize("batching", ["packed", "bucketed"])
@pytest.mark.parametrize(
    ("accumulation", "world", "budget"),
    [(1, 1, None), (2, 1, None), (1, 4, None), (3, 2, None), (7, 3, None), (8, 1, 150), (4, 2, 150), (3, 3, 150)],
)
def test_a_steps_rows_do_not_depend_on_how_they_are_divided(batching, accumulation, world, budget):
    ranks = [
        list(sampler(batching=batching, accumulation=accumulation, rank=rank, world=world, budget=budget))
        for rank in range(world)
    ]
    expected = [sorted(step) for step in shuffled_steps(53, 8, seed=1, epoch=0)]
    assert {len(batches) for batches in ranks} == {len(expected) * accumulation}  # no rank waits for another
    for step, rows in enumerate(expected):
        part = slice(step * accumulation, (step + 1) * accumulation)
        assert any(batches[part][-1] for batches in ranks)  # gradients are exchanged after the last one
        assert sorted(row for batches in ranks for batch in batches[part] for row in batch) == rows


def test_an_epoch_of_a_mixture_takes_each_dataset_by_its_share():
    origins = np.array([0] * 13 + [1] * 40)
    mixed = sampler(mixture=Mixture(origins, [0.5, 0.5]), accumulation=1, batch_size=10)
    steps = list(mixed)
    assert [len(step) for step in steps] == [10, 10, 6]
    assert len(steps) == len(mixed)
    taken = origins[np.concatenate(steps)]
    assert (taken == 0).sum() == (taken == 1).sum() == 13
    assert len(sampler(mixture=Mixture(origins, [0.5, 0.5]), seed=None, accumulation=1)) == 7  # to evaluate: all rows


def test_packs_are_about_equally_long():
    packs = deal(range(53), LENGTHS, 6, "packed")
    tokens = [LENGTHS[pack].sum() for pack in packs]
    assert max(tokens) - min(tokens) < max(LENGTHS)
    assert tokens == sorted(tokens, reverse=True)


def test_buckets_pad_little():
    buckets = deal(range(53), LENGTHS, 10, "bucketed")
    padded = sum(len(bucket) * max(LENGTHS[bucket]) for bucket in buckets)
    assert {len(bucket) for bucket in buckets} == {5, 6}
    assert padded < 1.15 * LENGTHS.sum()


@pytest.mark.parametrize("batching", ["packed", "bucketed"])
@pytest.mark.parametrize("world", [1, 4])
def test_micro_batches_are_filled_up_to_a_number_of_tokens(batching, world):
    filled = fill(range(53), LENGTHS, 300, batching, world)
    assert sorted(row for part in filled for row in part) == list(range(53))
    assert len(filled) % world == 0
    assert max(positions(part, LENGTHS, batching) for part in filled) <= 300
    computed = sum(positions(part, LENGTHS, batching) for part in filled)
    assert len(filled) <= 1.25 * computed / 300 + world


def test_a_row_that_is_longer_stands_alone():
    lengths = [500, 40, 30, 30]
    assert fill(range(4), lengths, 100, "bucketed") == [[0], [1, 2], [3]]
    assert fill(range(4), lengths, 100, "packed") == [[0], [1, 2, 3]]
    assert fill([1], lengths, 100, "bucketed", world=2) == [[], [1]]


def test_padding_is_counted_over_the_epoch():
    assert sampler(batching="packed").padding() == 0
    steps = shuffled_steps(53, 8, seed=1, epoch=0)
    computed = sum(len(step) * max(LENGTHS[step]) for step in steps)
    assert sampler(accumulation=1).padding() == pytest.approx(1 - LENGTHS.sum() / computed)


def test_fewer_rows_than_micro_batches_leave_some_empty():
    for batching in ("packed", "bucketed"):
        assert sorted(map(len, deal([3, 4], LENGTHS, 4, batching))) == [0, 0, 1, 1]


def test_without_a_seed_rows_keep_their_order():
    steps = list(sampler(seed=None, accumulation=1))
    assert [sorted(step) for step in steps[:2]] == [list(range(8)), list(range(8, 16))]
    assert len(steps) == len(sampler(seed=None, accumulation=1)) == 7
