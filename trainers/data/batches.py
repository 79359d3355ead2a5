"""Which rows an optimizer step sees, and how they are dealt out to micro-batches and ranks.

A step's rows are a function of (seed, epoch, batch size) alone. Ranks, micro-batches, packing and padding only divide
them, so that they change speed and memory but not the result.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from torch.utils.data import Sampler

from trainers.data.mixture import Mixture

Batching = Literal["packed", "bucketed"]
MicroBatch = list[int]
"""Indices of rows; empty where a step has fewer rows than micro-batches."""


def shuffled_steps(
    rows: int, batch_size: int, seed: int, epoch: int, mixture: Mixture | None = None
) -> list[np.ndarray]:
    """The rows of every optimizer step of an epoch: each once, or what a mixture takes; the last takes what remains."""
    order = mixture.order(seed, epoch) if mixture else np.random.default_rng([seed, epoch]).permutation(rows)
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def deal(step: Sequence[int], lengths: Sequence[int], count: int, batching: Batching) -> list[MicroBatch]:
    """A step's rows as `count` micro-batches.

    Args:
        step: indices of rows.
        lengths: tokens of every row of the dataset.
        count: micro-batches of the step, over all ranks.
        batching: `packed` evens out their tokens, longest row first into the emptiest; `bucketed` cuts the rows in
            order of length into parts of the same number of rows, so that little is padded.

    Returns:
        Micro-batches such that neighbours, which ranks compute at the same time, are about equally much work; empty
        ones come first, since gradients are exchanged after the last.
    """
    by_length = _by_length(step, lengths)
    if batching == "bucketed":
        parts = [part.tolist() for part in np.array_split(np.array(by_length, dtype=np.int64), count)]
    else:
        parts = _even(by_length, lengths, count)
    return sorted(parts, key=bool)


def fill(
    step: Sequence[int], lengths: Sequence[int], budget: int, batching: Batching, world: int = 1
) -> list[MicroBatch]:
    """A step's rows as few micro-batches of at most `budget` positions each; a row that is longer stands alone.

    Args:
        step: indices of rows.
        lengths: tokens of every row of the dataset.
        budget: tokens, and padding where there is any.
        batching: as in `deal`.
        world: number of ranks.

    Returns:
        As in `deal`; their number is a multiple of `world`.
    """
    by_length = _by_length(step, lengths)
    if batching == "bucketed":
        return _buckets(by_length, lengths, budget, world)
    limit = max(budget, lengths[by_length[0]])
    count = world
    while sum(lengths[row] for row in by_length) > limit * count:
        count += world
    while positions((packs := _even(by_length, lengths, count))[0], lengths, batching) > limit:
        count += world
    return sorted(packs, key=bool)


def positions(micro_batch: MicroBatch, lengths: Sequence[int], batching: Batching) -> int:
    """Tokens and padding that the model computes."""
    if batching == "packed":
        return sum(lengths[row] for row in micro_batch)
    return len(micro_batch) * max((lengths[row] for row in micro_batch), default=0)


def _by_length(step: Sequence[int], lengths: Sequence[int]) -> list[int]:
    return sorted(map(int, step), key=lambda row: (-lengths[row], row))


def _even(by_length: Sequence[int], lengths: Sequence[int], count: int) -> list[MicroBatch]:
    """Packs of about equally many tokens, the fullest first."""
    packs: list[MicroBatch] = [[] for _ in range(count)]
    filled = [0] * count
    for row in by_length:
        emptiest = filled.index(min(filled))
        packs[emptiest].append(row)
        filled[emptiest] += lengths[row]
    return [packs[pack] for pack in sorted(range(count), key=lambda pack: -filled[pack])]


def _buckets(by_length: Sequence[int], lengths: Sequence[int], budget: int, world: int) -> list[MicroBatch]:
    """Rows of like length, as many as fit; the largest buckets are halved until every rank has as many."""
    buckets: list[MicroBatch] = []
    for row in by_length:
        if buckets and (len(buckets[-1]) + 1) * lengths[buckets[-1][0]] <= budget:
            buckets[-1].append(row)
        else:
            buckets.append([row])
    while len(buckets) % world:
        largest = max(range(len(buckets)), key=lambda bucket: len(buckets[bucket]))
        middle = len(buckets[largest]) // 2
        buckets[largest : largest + 1] = [buckets[largest][:middle], buckets[largest][middle:]]
    return sorted(buckets, key=bool)


class StepSampler(Sampler[MicroBatch]):
    """A rank's micro-batches of one epoch, `accumulation` of them an optimizer step, the same number on every rank.

    Args:
        lengths: `[rows]` tokens.
        batch_size: rows of an optimizer step, over all ranks.
        accumulation: micro-batches of an optimizer step on one rank; with a budget, at most so many.
        batching: see `deal`.
        seed: of the order of rows; None keeps the dataset's.
        rank: this process.
        world: number of processes.
        mixture: which rows an epoch takes, if not each once; without a seed, all come.
        budget: positions of a micro-batch, which are then as few as hold a step, after empty ones; see `fill`.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        accumulation: int,
        batching: Batching,
        seed: int | None,
        rank: int = 0,
        world: int = 1,
        mixture: Mixture | None = None,
        budget: int | None = None,
    ) -> None:
        self._lengths, self._batch_size, self._accumulation = lengths, batch_size, accumulation
        self.batching, self._seed, self._rank, self._world = batching, seed, rank, world
        self._mixture = mixture if seed is not None else None
        self._rows = sum(self._mixture.quotas) if self._mixture else len(lengths)
        self._budget = budget
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Take the order of another epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-self._rows // self._batch_size) * self._accumulation

    def __iter__(self) -> Iterator[MicroBatch]:
        for step in self._steps():
            yield from self._dealt(step)[self._rank :: self._world]

    def padding(self) -> float:
        """Padding, as a share of what all ranks compute in an epoch."""
        parts = [part for step in self._steps() for part in self._dealt(step)]
        computed = sum(positions(part, self._lengths, self.batching) for part in parts)
        return 1 - sum(positions(part, self._lengths, "packed") for part in parts) / computed

    def _dealt(self, step: Sequence[int]) -> list[MicroBatch]:
        count = self._accumulation * self._world
        if self._budget is None:
            return deal(step, self._lengths, count, self.batching)
        parts = fill(step, self._lengths, self._budget, self.batching, self._world)
        return [[] for _ in range(count - len(parts))] + parts

    def _steps(self) -> list[np.ndarray]:
        if self._seed is None:
            return np.split(np.arange(self._rows), range(self._batch_size, self._rows, self._batch_size))
        return shuffled_steps(self._rows, self._batch_size, self._seed, self._epoch, self._mixture)
