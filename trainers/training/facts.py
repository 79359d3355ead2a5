"""What determines a run: data, model, settings and arguments. A run is continued only where all of it is the same."""

from typing import Any

import numpy as np
from transformers import TrainingArguments

from trainers.arguments import OPTIONS
from trainers.data.rows import Rows
from trainers.training.prepared import Prepared
from trainers.training.source import Source
from trainers.training.training_arguments import decisive

# What decides the result, of our settings; the rest is where and how a run runs.
_SETTINGS = ("loss", "dtype", "overlong", "held_out", "held_out_seed", "batch_size", "early_stopping")


def mixture_facts(source: Source, rows: Rows) -> list[dict[str, Any]]:
    """What is trained on of each dataset: its share of an epoch, its rows, and how many of them an epoch takes."""
    sizes = np.bincount(rows.origins, minlength=len(source.parts)).tolist()
    quotas = rows.mixture.quotas if rows.mixture else sizes
    return [
        {"dataset": part.name, "data": part.data, "share": part.share, "rows": size, "rows_an_epoch": quota}
        for part, size, quota in zip(source.parts, sizes, quotas, strict=True)
    ]


def run_facts(prepared: Prepared, args: TrainingArguments) -> dict[str, Any]:
    """What `run.json` says, as JSON; the data as a hash of every token and log-prob."""
    settings, source, fitted = prepared.settings, prepared.source, prepared.fitted
    return {
        **{name: getattr(settings, name) for name in _SETTINGS},
        "micro_batch": _micro_batch(args) if settings.reduction == "micro_batch" else None,
        "options": {name: getattr(settings, name) for name in OPTIONS},
        "data": " ".join(settings.data),
        "dataset": " ".join(settings.dataset),
        **({"mixture": mixture_facts(source, prepared.rows)} if len(source.parts) > 1 else {}),
        "dataset_revision": source.revision or settings.revision,
        "target": source.target.model_dump(mode="json", exclude={"sampling", "vllm_args"}),
        "model": source.model_name,
        "model_revision": source.model.revision,
        "max_length": prepared.max_length,
        "lora": settings.adapter and settings.adapter | {"base_is_reference": prepared.base_is_reference},
        "rows": len(fitted.rows),
        "rows_sha256": fitted.rows.sha256,
        "rows_truncated": fitted.truncated,
        "tokens_truncated": fitted.lost_tokens,
        "rows_dropped": fitted.dropped,
        "rows_of_weight_0": fitted.weightless,
        "arguments": decisive(args),
    }


def _micro_batch(args: TrainingArguments) -> dict[str, int]:
    """What decides the result, too, where the loss is a mean over micro-batches."""
    return {"rows": args.per_device_train_batch_size, "processes": args.world_size}
