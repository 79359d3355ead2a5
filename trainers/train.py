"""Fine-tune on D′ with any of the losses.

python -m trainers.train --loss psft --dataset releases/demo --output runs/demo
"""

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from builder.machine import cli
from trainers.arguments import OPTIONS, Settings, read_settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from trainers.data import Rows
    from trainers.guards import Fitted
    from trainers.source import Source


def main(arguments: list[str] | None = None, loss: str | None = None) -> int:
    """Train, and leave the model in --output; returns the exit code.

    Args:
        arguments: the command line.
        loss: name in `losses.LOSSES`; None takes it from the command line.

    Raises:
        MindTheGapError: with the exit code to leave with.
    """
    settings, config, rest = read_settings(arguments, loss)
    from trainers.guards import check_deepspeed, check_logprobs, check_loss, check_settings, check_tokens, fit

    check_loss(settings.loss)
    check_settings(settings)
    from trainers.source import open_source
    from trainers.training_arguments import training_arguments

    source = open_source(settings)
    args = training_arguments(settings, config, rest)
    import torch
    from transformers import AutoConfig

    from trainers.facts import run_facts
    from trainers.losses import Options
    from trainers.progress import ProgressLines
    from trainers.runlog import RunLog, claim, last_checkpoint
    from trainers.saving import Companions, create_repo, uploading
    from trainers.trainer import PolicyTrainer

    options = Options(**{name: getattr(settings, name) for name in OPTIONS})
    max_length = settings.max_length or source.target.max_length
    fitted = fit(source.rows, max_length, settings.overlong)
    check_deepspeed(settings, bool(args.deepspeed) or os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true")
    check_logprobs(settings.loss, options, fitted.rows, " ".join(settings.data))
    check_tokens(fitted.rows, AutoConfig.from_pretrained(source.model.path).get_text_config().vocab_size)
    rows, held_out = split(fitted.rows, settings.held_out, settings.held_out_seed)
    main_process = args.process_index == 0
    if main_process:
        if args.push_to_hub:  # better said now than after training
            create_repo(args)
        claim(settings.output, run_facts(settings, args, source, fitted, rows, max_length), settings.resume)
        _introduce(settings, source, fitted, rows)

    model = _load(source, settings)
    trainer = PolicyTrainer(
        model,
        args,
        loss=settings.loss,
        options=options,
        rows=rows,
        batch_size=settings.batch_size,
        batching=_batching(settings, model),
        may_rebatch=settings.batching == "auto",
        micro_tokens=settings.micro_tokens,
        held_out=held_out,
        companions=Companions(source.model.path, settings.output),
        save_dtype=getattr(torch, settings.save_dtype) if settings.save_dtype else None,
        callbacks=[ProgressLines(), RunLog(settings.output)],
    )
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
    return 0


def split(rows: "Rows", held_out: int, seed: int) -> tuple["Rows", "Rows | None"]:
    """Rows to train on, and `held_out` rows drawn by seed, by shares where there are; both keep their order.

    Raises:
        InputError: nothing would remain.
    """
    import numpy as np

    from builder.errors import InputError

    if not held_out:
        return rows, None
    if held_out >= len(rows):
        raise InputError(f"--held-out {held_out} leaves nothing of {len(rows)} rows")
    mixture = rows.mixture
    drawn = mixture.drawn(held_out, seed) if mixture else np.random.default_rng(seed).choice(len(rows), held_out, False)
    chosen = set(drawn.tolist())
    return tuple(rows.take([i for i in range(len(rows)) if (i in chosen) == wanted]) for wanted in (False, True))


def _introduce(settings: Settings, source: "Source", fitted: "Fitted", trained: "Rows") -> None:
    from trainers.facts import mixture_facts

    if source.warning:
        print(f"warning: {source.warning}", file=sys.stderr)
    rows = fitted.rows
    print(
        f"{settings.loss} on {len(rows)} rows ({' '.join(settings.data)}) of {' '.join(settings.dataset)}: "
        f"{int(rows.lengths.sum()):,} tokens, {int(rows.completion_lengths.sum()):,} of them completion"
    )
    for part in mixture_facts(source, trained) if len(source.parts) > 1 else ():
        share = f", {part['share']:.1%}" if part["share"] else ""
        given = f"{part['rows']} rows to train on, {part['rows_an_epoch']} an epoch"
        print(f"  {part['dataset']} ({part['data']}{share}): {given}")
    if fitted.truncated or fitted.dropped:
        print(
            f"too long: {fitted.truncated} rows truncated by {fitted.lost_tokens:,} completion tokens, "
            f"{fitted.dropped} dropped"
        )
    if fitted.weightless:
        print(f"weight 0: {fitted.weightless} rows left out")
    if settings.loss == "importance_sampling" and (unknown := rows.without_behavior):
        print(f"{unknown} rows without behavior log-probs: --null-denominator {settings.null_denominator}")


def _load(source: "Source", settings: Settings) -> "PreTrainedModel":
    import torch
    from transformers import AutoModelForCausalLM

    from trainers.policy import deliver_logprobs
    from trainers.saving import end_turns_with

    flash = torch.cuda.is_available() and find_spec("flash_attn") is not None
    model = AutoModelForCausalLM.from_pretrained(
        source.model.path,
        dtype=getattr(torch, settings.dtype),
        attn_implementation="flash_attention_2" if flash else None,
        use_safetensors=True,
        local_files_only=True,
    )
    end_turns_with(model, source.stop_ids)
    deliver_logprobs(model)
    return model


def _batching(settings: Settings, model: "PreTrainedModel") -> str:
    if settings.batching != "auto":
        return settings.batching
    return "packed" if "flash" in str(model.config._attn_implementation) else "bucketed"


if __name__ == "__main__":
    cli.run(main)
