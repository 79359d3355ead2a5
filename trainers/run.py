"""One training: from what is prepared, over a model and a trainer, to what it leaves."""

import os
import sys
from typing import Any

import torch
from transformers import TrainingArguments

from trainers.card import on_hub
from trainers.facts import run_facts
from trainers.guards import check_deepspeed
from trainers.lora import Base
from trainers.lora_trainer import LoraTrainer
from trainers.model import batching, load_policy, loading
from trainers.prepared import Prepared
from trainers.progress import ProgressLines
from trainers.runlog import RunLog, claim, last_checkpoint
from trainers.saving import Companions, create_repo, uploading
from trainers.trainer import PolicyTrainer


def train(prepared: Prepared, args: TrainingArguments) -> None:
    """Train, and leave the model in --output.

    Raises:
        MindTheGapError: with the exit code to leave with.
    """
    settings, main_process = prepared.settings, args.process_index == 0
    check_deepspeed(settings, bool(args.deepspeed) or os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true")
    how = loading(prepared.source, settings, args)
    if main_process:
        if args.push_to_hub:  # better said now than after training
            create_repo(args)
        claim(settings.output, run_facts(prepared, args), settings.resume)
        introduce(prepared)
    trainer = make_trainer(prepared, args, how)
    checkpoint = last_checkpoint(settings.output) if settings.resume else None
    if main_process and settings.resume:
        print(f"continuing from {checkpoint}" if checkpoint else "no complete checkpoint yet: starting from the model")
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if args.push_to_hub:
        with uploading(f"the trained model is in {settings.output}, but not on the Hub"):
            trainer.push_to_hub()
    else:
        trainer.save_model()
    if main_process:
        print(f"trained: {settings.output}", flush=True)


def introduce(prepared: Prepared) -> None:
    """Print what is trained on, and what is unusual about it."""
    settings, source, fitted, rows = prepared.settings, prepared.source, prepared.fitted, prepared.fitted.rows
    if source.warning:
        print(f"warning: {source.warning}", file=sys.stderr)
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
    if prepared.base_is_reference:
        print("log-probs under the policy before training: by the model with its adapter off")


def make_trainer(prepared: Prepared, args: TrainingArguments, how: dict[str, Any]) -> PolicyTrainer:
    """A trainer of the model, loaded in the way that `model.loading` says.

    Raises:
        InputError: the model cannot be trained here.
    """
    settings, source = prepared.settings, prepared.source
    model = load_policy(source, settings, how, args.seed)
    ours = {
        "loss": settings.loss,
        "options": prepared.options,
        "rows": prepared.rows,
        "batch_size": settings.batch_size,
        "batching": batching(settings, model),
        "may_rebatch": settings.batching == "auto",
        "held_out": prepared.held_out,
        "companions": Companions(source.model.path, settings.output),
        "save_dtype": getattr(torch, settings.save_dtype) if settings.save_dtype else None,
        "callbacks": [ProgressLines(), RunLog(settings.output)],
    }
    if not settings.lora:
        return PolicyTrainer(model, args, **ours)
    name = source.model_name if on_hub(source.model_name) else str(source.model.path)
    return LoraTrainer(
        model,
        args,
        base=Base(source.model.path, name, source.model.revision),
        merge_into=getattr(torch, settings.save_dtype or settings.dtype) if settings.lora_save == "merged" else None,
        base_is_reference=prepared.base_is_reference,
        **ours,
    )
