"""Attention of packed rows without flash-attention: PyTorch's own, row by row.

PyTorch's attention takes a mask where rows are packed: it then computes the attention between rows, throws it away, and
repeats keys and values for every query head. Row by row, each is causal attention without a mask. On CPUs it computes
in fp32 where the rest is in 16 bits: that is more exact, and the backward pass takes half as long.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa_by_row"


def separate_rows(model: PreTrainedModel) -> bool:
    """Let a model that uses PyTorch's attention compute it row by row, if it can; returns whether it does."""
    if model.config._attn_implementation == "sdpa" and model._can_set_attn_implementation():
        AttentionInterface.register(NAME, attend_by_row)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)
    return model.config._attn_implementation == NAME


def attend_by_row(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **others: object
) -> tuple[Tensor, None]:
    """`sdpa_attention_forward`, and the same of each row of a packed batch.

    Args:
        module: the layer.
        query: `[batch, heads, time, head]`.
        key: `[batch, key heads, time, head]`.
        value: `[batch, key heads, time, head]`.
        attention_mask: `[batch, 1, time, time]`, what sees what if bool; None for all that came before.
        others: of `sdpa_attention_forward`.

    Returns:
        `[batch, time, heads, head]`, and None.
    """
    dtype = query.dtype
    with torch.autocast(query.device.type, enabled=False):
        if query.device.type == "cpu":
            query, key, value = (states.float() for states in (query, key, value))
        of_rows = attention_mask is not None and attention_mask.dtype == torch.bool and len(query) == 1
        if not of_rows or query.shape[2] != key.shape[2]:
            attended, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **others)
            return attended.to(dtype), None
        sizes = row_sizes(attention_mask)
        rows = zip(*(states.split(sizes, dim=2) for states in (query, key, value)), strict=True)
        masks = _own_masks(attention_mask, sizes)
        parts = [sdpa_attention_forward(module, *row, mask, **others)[0] for row, mask in zip(rows, masks, strict=True)]
        return torch.cat(parts, dim=1).to(dtype), None


def row_sizes(attention_mask: Tensor) -> list[int]:
    """Tokens of the rows of a packed batch: one begins where a token does not see the one before it."""
    sees_previous = attention_mask[0, 0].diagonal(-1)
    starts = [0, *((~sees_previous).nonzero()[:, 0] + 1).tolist(), attention_mask.shape[-1]]
    return [end - start for start, end in pairwise(starts)]


def _own_masks(attention_mask: Tensor, sizes: list[int]) -> list[Tensor | None]:
    """Each row's part of the mask; None where it sees all that came before in its row."""
    masks, start = [], 0
    for size in sizes:
        mask = attention_mask[..., start : start + size, start : start + size]
        masks.append(None if torch.equal(mask[0, 0], torch.ones_like(mask[0, 0]).tril()) else mask)
        start += size
    return masks
