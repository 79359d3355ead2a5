"""What is logged of an optimizer step: its completion tokens as they are collected, and figures made of them."""

import resource
import sys
import time
from typing import Any

import torch
from torch import Tensor

from trainers.losses import Evaluated

COLUMNS = ("logprob", "entropy", "term", "weight", "clipped", "row_weight")
_QUANTILES = {"weight_p01": 0.01, "weight_p50": 0.5, "weight_p99": 0.99}
_QUANTILE_TOKENS = 1 << 24  # as many as `torch.quantile` takes


def table(logprobs: Tensor, entropy: Tensor, evaluated: Evaluated, row_weight: Tensor) -> Tensor:
    """`[columns, tokens]` fp32: what is remembered of a micro-batch, a few bytes a token."""
    of_loss = (evaluated.terms, evaluated.weights, evaluated.clipped)
    columns = (logprobs.detach(), entropy.detach(), *of_loss, row_weight.to(logprobs.device))
    return torch.stack([column.float() for column in columns])


def summarize(tokens: Tensor, *, self_normalize: bool = False) -> dict[str, float]:
    """The figures of a step.

    Args:
        tokens: `[columns, tokens]` of all its micro-batches on all ranks, at least one token.
        self_normalize: whether the loss is divided by the mean weight.

    Returns:
        `loss` and `nll` (plain negative log-likelihood; nats a token), `probability` (mean), `entropy` (mean, nats),
        `weight_*` (mean, quantiles and maximum of the token weights), `effective_sample_size` ((Σw)² / Σw², as a share
        of the tokens), `clip_fraction` (share of the tokens) and `completion_tokens`. A token counts as many times as
        its row's weight says, but once in quantiles, maximum and `completion_tokens`.
    """
    logprob, entropy, term, weight, clipped, times = tokens.double()
    count = times.sum()

    def mean(values: Tensor) -> Tensor:
        return (values * times).sum() / count

    mean_weight = mean(weight)
    sample = weight[:: -(-len(weight) // _QUANTILE_TOKENS)]
    quantiles = torch.quantile(sample, sample.new_tensor(list(_QUANTILES.values())))
    square = mean(weight * weight)
    figures = {
        "loss": mean(term) / mean_weight if self_normalize and mean_weight else mean(term),
        "nll": -mean(logprob),
        "probability": mean(logprob.exp()),
        "entropy": mean(entropy),
        "weight_mean": mean_weight,
        **dict(zip(_QUANTILES, quantiles, strict=True)),
        "weight_max": weight.max(),
        "effective_sample_size": mean_weight**2 / square if square else 0.0,
        "clip_fraction": mean(clipped),
    }
    return {name: float(value) for name, value in figures.items()} | {"completion_tokens": tokens.shape[1]}


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
        """Sum of the token weights of the step in progress, each as many times as its row's weight says."""
        weight, times = COLUMNS.index("weight"), COLUMNS.index("row_weight")
        return sum((table[weight] * table[times]).sum() for table in self._tables[self._step_begin :])

    def seconds(self) -> float:
        """Since the first of these steps began."""
        return time.perf_counter() - self._began
