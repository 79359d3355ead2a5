"""What determines a run: data, model, settings and arguments. A run is continued only where all of it is the same."""

from typing import Any

import numpy as np
from transformers import TrainingArguments

from trainers.arguments import OPTIONS, Settings
from trainers.data import Rows
from trainers.guards import Fitted
from trainers.source import Source
from trainers.training_arguments import decisive

# What decides the result, of our settings; the rest is where and how a run runs.
_SETTINGS = ("loss", "dtype", "overlong", "held_out", "held_out_seed", "batch_size")


def mixture_facts(source: Source, rows: Rows) -> list[dict[str, Any]]:
    """What is trained on of each dataset: its share of an epoch, its rows, and how many of them an epoch takes."""
    sizes = np.bincount(rows.origins, minlength=len(source.parts)).tolist()
    quotas = rows.mixture.quotas if rows.mixture else sizes
    return [
        {"dataset": part.name, "data": part.data, "share": part.share, "rows": size, "rows_an_epoch": quota}
        for part, size, quota in zip(source.parts, sizes, quotas, strict=True)
    ]


def run_facts(
    settings: Settings, args: TrainingArguments, source: Source, fitted: Fitted, trained: Rows, max_length: int
) -> dict[str, Any]:
    """What `run.json` says, as JSON; the data as a hash of every token and log-prob.

    Args:
        settings: ours.
        args: Transformers'.
        source: what was read.
        fitted: what of it fits.
        trained: what of that is not held out.
        max_length: tokens of a row.
    """
    return {
        **{name: getattr(settings, name) for name in _SETTINGS},
        "options": {name: getattr(settings, name) for name in OPTIONS},
        "data": " ".join(settings.data),
        "dataset": " ".join(settings.dataset),
        **({"mixture": mixture_facts(source, trained)} if len(source.parts) > 1 else {}),
        "dataset_revision": source.revision or settings.revision,
        "target": source.target.model_dump(mode="json", exclude={"sampling", "vllm_args"}),
        "model": source.model_name,
        "model_revision": source.model.revision,
        "max_length": max_length,
        "rows": len(fitted.rows),
        "rows_sha256": fitted.rows.sha256,
        "rows_truncated": fitted.truncated,
        "tokens_truncated": fitted.lost_tokens,
        "rows_dropped": fitted.dropped,
        "rows_of_weight_0": fitted.weightless,
        "arguments": decisive(args),
    }
