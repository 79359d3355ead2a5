"""Rows to tensors: one row after the other without padding, or padded to the longest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers.data.batches import Batching
from trainers.data.rows import Row


@dataclass(frozen=True)
class Extra:
    """What the loss and the log need and the model does not.

    Not a mapping, so that nothing on the way to the loss casts log-probs to the model's bf16.

    Attributes:
        ids: `[rows]` ids of the source rows.
        behavior: `[tokens]` as in `losses.Tokens`.
        reference: `[tokens]` as in `losses.Tokens`.
        sequence: `[tokens]` as in `losses.Tokens`.
        weight: `[tokens]` fp32, how many times each counts: its row's weight.
        tokens: prompt and completion tokens, without padding.
    """

    ids: list[str]
    behavior: Tensor
    reference: Tensor
    sequence: Tensor
    weight: Tensor
    tokens: int


def collate(rows: Sequence[Row], batching: Batching) -> dict[str, Any]:
    """A micro-batch.

    Returns:
        `input_ids` `[batch, time]`, `position_ids` `[batch, time]`, `predictors` `[tokens]` (positions, counted through
        the flattened batch, whose hidden states predict a token to learn), `targets` `[tokens]` (those tokens) and
        `extra`. Prompts, turns that are only read, and padding predict nothing. There is no attention mask: padding
        stands on the right, where causal attention never looks, and in a packed batch, the one row of which is all rows
        after each other, attention is separated where position ids start again. No rows give one position and no
        targets: a rank with nothing to do must still take part in the others' collective operations.
    """
    sizes = [len(row.prompt_ids) + len(row.completion_ids) for row in rows]
    packed = batching == "packed"
    width = (sum(sizes) if packed else max(sizes, default=0)) or 1
    input_ids = np.zeros((1 if packed or not rows else len(rows), width), dtype=np.int64)
    position_ids = np.zeros_like(input_ids) if packed else np.broadcast_to(np.arange(width), input_ids.shape).copy()
    flat_ids, flat_positions = input_ids.reshape(-1), position_ids.reshape(-1)
    predictors = []
    for number, (row, size) in enumerate(zip(rows, sizes, strict=True)):
        start = sum(sizes[:number]) if packed else number * width
        flat_ids[start : start + size] = np.concatenate([row.prompt_ids, row.completion_ids])
        flat_positions[start : start + size] = np.arange(size)
        predictors.append(start + len(row.prompt_ids) - 1 + row.learned.nonzero()[0])
    learned = [int(row.learned.sum()) for row in rows]
    return {
        "input_ids": torch.from_numpy(input_ids),
        "position_ids": torch.from_numpy(position_ids),
        "predictors": _joined(predictors, np.int64),
        "targets": _joined([row.completion_ids[row.learned] for row in rows], np.int64),
        "extra": Extra(
            ids=[row.id for row in rows],
            behavior=_joined([row.behavior[row.learned] for row in rows], np.float32),
            reference=_joined([row.reference[row.learned] for row in rows], np.float32),
            sequence=torch.from_numpy(np.repeat(np.arange(len(rows)), learned)),
            weight=torch.from_numpy(np.repeat(np.array([row.weight for row in rows], np.float32), learned)),
            tokens=sum(sizes),
        ),
    }


def _joined(parts: Sequence[np.ndarray], dtype: type) -> Tensor:
    return torch.from_numpy(np.concatenate([np.empty(0, dtype), *parts]).astype(dtype, copy=False))
