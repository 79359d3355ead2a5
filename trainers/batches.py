"""Which rows an optimizer step sees, and how they are dealt out to micro-batches and ranks.

A step's rows are a function of (seed, epoch, batch size) alone. Ranks, micro-batches, packing and padding only divide
them, so that they change speed and memory but not the result.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from torch.utils.data import Sampler

from trainers.mixture import Mixture

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
        Micro-batches such that neighbours, which ranks compute at the same time, are about equally much work.
    """
    by_length = sorted(map(int, step), key=lambda row: (-lengths[row], row))
    if batching == "bucketed":
        return [part.tolist() for part in np.array_split(np.array(by_length, dtype=np.int64), count)]
    packs: list[MicroBatch] = [[] for _ in range(count)]
    filled = [0] * count
    for row in by_length:
        emptiest = filled.index(min(filled))
        packs[emptiest].append(row)
        filled[emptiest] += lengths[row]
    return [packs[pack] for pack in sorted(range(count), key=lambda pack: -filled[pack])]


class StepSampler(Sampler[MicroBatch]):
    """A rank's micro-batches of one epoch, `accumulation` of them an optimizer step, the same number on every rank.

    Args:
        lengths: `[rows]` tokens.
        batch_size: rows of an optimizer step, over all ranks.
        accumulation: micro-batches of an optimizer step on one rank.
        batching: see `deal`.
        seed: of the order of rows; None keeps the dataset's.
        rank: this process.
        world: number of processes.
        mixture: which rows an epoch takes, if not each once; without a seed, all come.
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
    ) -> None:
        self._lengths, self._batch_size, self._accumulation = lengths, batch_size, accumulation
        self.batching, self._seed, self._rank, self._world = batching, seed, rank, world
        self._mixture = mixture if seed is not None else None
        self._rows = sum(self._mixture.quotas) if self._mixture else len(lengths)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Take the order of another epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-self._rows // self._batch_size) * self._accumulation

    def __iter__(self) -> Iterator[MicroBatch]:
        for step in self._steps():
            yield from deal(step, self._lengths, self._accumulation * self._world, self.batching)[
                self._rank :: self._world
            ]

    def _steps(self) -> list[np.ndarray]:
        if self._seed is None:
            return np.split(np.arange(self._rows), range(self._batch_size, self._rows, self._batch_size))
        return shuffled_steps(self._rows, self._batch_size, self._seed, self._epoch, self._mixture)
