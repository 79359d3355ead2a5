"""What is logged of an optimizer step: its completion tokens as they are collected, and figures made of them."""

import resource
import sys
import time
from typing import Any

import torch
from torch import Tensor

from trainers.losses import Evaluated

COLUMNS = ("logprob", "entropy", "term", "weight", "clipped")
_QUANTILES = {"weight_p01": 0.01, "weight_p50": 0.5, "weight_p99": 0.99}
_QUANTILE_TOKENS = 1 << 24  # as many as `torch.quantile` takes


def table(logprobs: Tensor, entropy: Tensor, evaluated: Evaluated) -> Tensor:
    """`[columns, tokens]` fp32: what is remembered of a micro-batch, a few bytes a token."""
    columns = (logprobs.detach(), entropy.detach(), evaluated.terms, evaluated.weights, evaluated.clipped)
    return torch.stack([column.float() for column in columns])


def summarize(tokens: Tensor, *, self_normalize: bool = False) -> dict[str, float]:
    """The figures of a step.

    Args:
        tokens: `[columns, tokens]` of all its micro-batches on all ranks, at least one token.
        self_normalize: whether the loss is divided by the mean weight.

    Returns:
        `loss` and `nll` (plain negative log-likelihood; nats a token), `probability` (mean), `entropy` (mean, nats),
        `weight_*` (mean, quantiles and maximum of the token weights), `effective_sample_size` ((Σw)² / Σw², as a share
        of the tokens), `clip_fraction` (share of the tokens) and `completion_tokens`.
    """
    count = tokens.shape[1]
    logprob, entropy, term, weight, clipped = tokens.double()
    mean_weight = weight.mean()
    sample = weight[:: -(-count // _QUANTILE_TOKENS)]
    quantiles = torch.quantile(sample, sample.new_tensor(list(_QUANTILES.values())))
    square = (weight * weight).sum()
    figures = {
        "loss": term.mean() / mean_weight if self_normalize and mean_weight else term.mean(),
        "nll": -logprob.mean(),
        "probability": logprob.exp().mean(),
        "entropy": entropy.mean(),
        "weight_mean": mean_weight,
        **dict(zip(_QUANTILES, quantiles, strict=True)),
        "weight_max": weight.max(),
        "effective_sample_size": weight.sum() ** 2 / square / count if square else 0.0,
        "clip_fraction": clipped.mean(),
    }
    return {name: float(value) for name, value in figures.items()} | {"completion_tokens": count}


def peak_memory_gib(device: torch.device) -> float:
    """The most memory this process has held so far: allocated on the GPU, or resident where there is none."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    unit = 1 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


class Collected:
    """What the micro-batches since the last log line leave behind."""

    def __init__(self) -> None:
        self._tables: list[Tensor] = []
        self._step_begin = 0
        self._began: float | None = None
        self.ids: list[str] = []
        self.real_tokens = 0
        self.positions = 0

    def start(self) -> None:
        """An optimizer step begins."""
        self._began = self._began or time.perf_counter()
        self._step_begin = len(self._tables)

    def add(self, tokens: Tensor, inputs: dict[str, Any]) -> None:
        """Remember a micro-batch: its `table`, and its rows."""
        self._tables.append(tokens)
        self.ids += inputs["extra"].ids
        self.real_tokens += inputs["extra"].tokens
        self.positions += inputs["input_ids"].numel()

    def tokens(self) -> Tensor:
        """`[columns, tokens]` of all micro-batches."""
        return torch.cat(self._tables, dim=1)

    def step_weights(self) -> Tensor:
        """Sum of the token weights of the step in progress."""
        weight = COLUMNS.index("weight")
        return sum(table[weight].sum() for table in self._tables[self._step_begin :])

    def seconds(self) -> float:
        """Since the first of these steps began."""
        return time.perf_counter() - self._began
