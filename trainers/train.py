"""Fine-tune on D′ with any of the losses.

python -m trainers.train --loss psft --dataset releases/demo --output runs/demo
"""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.machine import cli
from trainers.arguments import Settings, read_settings, training_arguments

if TYPE_CHECKING:
    from transformers import PreTrainedModel, TrainingArguments

    from trainers.data import Rows
    from trainers.guards import Fitted
    from trainers.source import Source

# What decides the result of a run, of our settings and of Transformers' arguments; the rest is where and how it runs.
_SETTINGS = ("loss", "data", "dtype", "overlong", "held_out", "batch_size")
_OPTIONS = ("clip", "null_denominator", "self_normalize", "epsilon", "anchor")
_ARGUMENTS = (
    *("adam_beta1", "adam_beta2", "adam_epsilon", "bf16", "data_seed", "learning_rate", "lr_scheduler_type"),
    *("max_grad_norm", "max_steps", "num_train_epochs", "optim", "seed", "warmup_steps", "weight_decay"),
)


def main(arguments: list[str] | None = None, loss: str | None = None) -> int:
    """Train, and leave the model in --output; returns the exit code.

    Args:
        arguments: the command line.
        loss: name in `losses.LOSSES`; None takes it from the command line.

    Raises:
        MindTheGapError: with the exit code to leave with.
    """
    settings, config, rest = read_settings(arguments, loss)
    from trainers.source import open_source

    if loss is None:
        from trainers.guards import check_loss

        check_loss(settings.loss)
    source = open_source(settings)
    args = training_arguments(settings, config, rest)
    from transformers import AutoConfig

    from trainers.guards import check_logprobs, check_options, check_tokens, fit
    from trainers.losses import Options
    from trainers.progress import ProgressLines
    from trainers.runlog import RunLog, claim, last_checkpoint
    from trainers.trainer import PolicyTrainer

    options = Options(**{name: getattr(settings, name) for name in _OPTIONS})
    max_length = settings.max_length or source.target.max_length
    fitted = fit(source.rows, max_length, settings.overlong)
    check_options(settings.loss, options, bool(args.deepspeed) or os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true")
    check_logprobs(settings.loss, options, fitted.rows, settings.data)
    check_tokens(fitted.rows, AutoConfig.from_pretrained(source.model.path).get_text_config().vocab_size)
    rows, held_out = split(fitted.rows, settings.held_out, args.seed)
    main_process = args.process_index == 0
    if main_process:
        claim(settings.output, _facts(settings, args, source, fitted, max_length), settings.resume)
        _introduce(settings, source, fitted)

    model = _load(source, settings)
    trainer = PolicyTrainer(
        model,
        args,
        loss=settings.loss,
        options=options,
        rows=rows,
        batch_size=settings.batch_size,
        batching=_batching(settings, model),
        held_out=held_out,
        callbacks=[ProgressLines(), RunLog(settings.output)],
    )
    checkpoint = last_checkpoint(settings.output) if settings.resume else None
    if main_process and settings.resume:
        print(f"continuing from {checkpoint}" if checkpoint else "no complete checkpoint yet: starting from the model")
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    trainer.save_model(str(settings.output))
    if main_process:
        _copy_tokenizer(source.model.path, settings.output)
        print(f"trained: {settings.output}", flush=True)
    return 0


def split(rows: "Rows", held_out: int, seed: int) -> tuple["Rows", "Rows | None"]:
    """Rows to train on, and `held_out` rows drawn by seed; both keep their order.

    Raises:
        InputError: nothing would remain.
    """
    import numpy as np

    from builder.errors import InputError
    from trainers.data import Rows

    if not held_out:
        return rows, None
    if held_out >= len(rows):
        raise InputError(f"--held-out {held_out} leaves nothing of {len(rows)} rows")
    chosen = set(np.random.default_rng(seed).choice(len(rows), held_out, replace=False).tolist())
    return tuple(Rows([rows[i] for i in range(len(rows)) if (i in chosen) == wanted]) for wanted in (False, True))


def _facts(
    settings: Settings, args: "TrainingArguments", source: "Source", fitted: "Fitted", max_length: int
) -> dict[str, Any]:
    """What `run.json` says: a run may be continued only where all of it is the same."""
    return {
        **{name: getattr(settings, name) for name in _SETTINGS},
        "options": {name: getattr(settings, name) for name in _OPTIONS},
        "dataset": settings.dataset,
        "dataset_revision": source.revision or settings.revision,
        "model": source.model_name,
        "model_revision": source.model.revision,
        "max_length": max_length,
        "rows": len(fitted.rows),
        "rows_truncated": fitted.truncated,
        "tokens_truncated": fitted.lost_tokens,
        "rows_dropped": fitted.dropped,
        "arguments": {name: getattr(args, name) for name in _ARGUMENTS},
    }


def _introduce(settings: Settings, source: "Source", fitted: "Fitted") -> None:
    if source.warning:
        print(f"warning: {source.warning}", file=sys.stderr)
    rows = fitted.rows
    print(
        f"{settings.loss} on {len(rows)} rows ({settings.data}) of {settings.dataset}: "
        f"{int(rows.lengths.sum()):,} tokens, {int(rows.completion_lengths.sum()):,} of them completion"
    )
    if fitted.truncated or fitted.dropped:
        print(
            f"too long: {fitted.truncated} rows truncated by {fitted.lost_tokens:,} completion tokens, "
            f"{fitted.dropped} dropped"
        )
    if settings.loss == "importance_sampling" and (unknown := rows.without_behavior):
        print(f"{unknown} rows without behavior log-probs: --null-denominator {settings.null_denominator}")


def _load(source: "Source", settings: Settings) -> "PreTrainedModel":
    import torch
    from transformers import AutoModelForCausalLM

    from trainers.policy import deliver_logprobs

    flash = torch.cuda.is_available() and find_spec("flash_attn") is not None
    model = AutoModelForCausalLM.from_pretrained(
        source.model.path,
        dtype=getattr(torch, settings.dtype),
        attn_implementation="flash_attention_2" if flash else None,
        use_safetensors=True,
        local_files_only=True,
    )
    deliver_logprobs(model)
    return model


def _batching(settings: Settings, model: "PreTrainedModel") -> str:
    if settings.batching != "auto":
        return settings.batching
    return "packed" if "flash" in str(model.config._attn_implementation) else "bucketed"


def _copy_tokenizer(model: Path, output: Path) -> None:
    """The very files, so that their hashes stay those of the release."""
    for pattern in ("tokenizer*", "special_tokens_map.json", "vocab.json", "merges.txt", "*.jinja"):
        for file in model.glob(pattern):
            shutil.copy(file, output / file.name)


if __name__ == "__main__":
    cli.run(main)
