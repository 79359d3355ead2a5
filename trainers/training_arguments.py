"""Transformers' arguments as a run takes them: which are refused, what they default to, which decide the result."""

import argparse
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from builder.errors import InputError
from trainers.arguments import Settings

if TYPE_CHECKING:
    from transformers import TrainingArguments

_TRACKERS = {"tensorboard", "trackio", "wandb"}

_BATCHES = "a step's rows and micro-batches follow from --batch-size, --per-device-train-batch-size and --batching"
_EVALUATION = "held-out rows are evaluated exactly, over all their completion tokens, as training computes"
_NO_EFFECT = {
    "output_dir": "the run's directory is --output",
    "resume_from_checkpoint": "--resume continues the run in --output from its last complete checkpoint",
    **dict.fromkeys(("gradient_accumulation_steps", "auto_find_batch_size", "dataloader_drop_last"), _BATCHES),
    **dict.fromkeys(("train_sampling_strategy", "length_column_name", "remove_unused_columns"), _BATCHES),
    "average_tokens_across_devices": "a step's loss is always divided by its tokens over all devices",
    "label_smoothing_factor": "the losses are made of the log-probs of the tokens themselves",
    "label_names": "what is predicted is the completion",
    "use_cache": "training never uses a cache",
    **dict.fromkeys(
        ("use_liger_kernel", "liger_kernel_config"),
        "it replaces the forward pass that log-probs come from, which saves the same memory",
    ),
    **dict.fromkeys(("do_train", "do_eval", "do_predict"), "a trainer trains, and --held-out evaluates"),
    **dict.fromkeys(("bf16_full_eval", "fp16_full_eval", "prediction_loss_only", "batch_eval_metrics"), _EVALUATION),
    **dict.fromkeys(("eval_accumulation_steps", "eval_do_concat_batches", "eval_use_gather_object"), _EVALUATION),
    "include_for_metrics": _EVALUATION,
    "hub_token": "it would be saved and uploaded with the arguments; set HF_TOKEN, or use `hf auth login`",
}
"""Arguments that change nothing here, or that ours replace: why."""

# Where and how a run runs; everything else decides its result.
_ELSEWHERE = (
    *("dataloader_", "ddp_", "deepspeed", "disable_tqdm", "enable_jit_", "eval_", "fsdp", "gradient_checkpointing"),
    *("hub_", "include_", "local_rank", "log_", "logging_", "per_device_", "project", "push_to_hub", "report_to"),
    *("run_name", "save_", "skip_memory_metrics", "torch_", "trackio_", "use_cpu", "debug"),
)


def training_arguments(settings: Settings, config: dict[str, Any], rest: list[str]) -> "TrainingArguments":
    """Transformers' arguments: ours as defaults, then those of --config, then the command line's.

    Raises:
        InputError: there is no such argument, or it is not for here.
    """
    from transformers import HfArgumentParser, TrainingArguments

    hf = HfArgumentParser(TrainingArguments, prog="python -m trainers.train", add_help=False, allow_abbrev=False)
    names = {action.dest for action in hf._actions}
    if unknown := [name for name in config if name not in names]:
        raise InputError(f"--config: unknown argument {', '.join(unknown)}")
    hf.set_defaults(
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is no number stops the run instead
        report_to="none",
        disable_tqdm=True,
        save_steps=0.1,  # a share of all steps
        save_total_limit=2,  # the newest one may be incomplete when a run is killed
        ddp_find_unused_parameters=False,
        **({"eval_strategy": "epoch", "eval_on_start": True} if settings.held_out else {}),
        **({"hub_strategy": "end"} if settings.lora else {}),
    )
    for action in hf._actions:
        if action.dest in _NO_EFFECT:
            action.default = argparse.SUPPRESS  # only what is given becomes an attribute
    hf.set_defaults(**config)
    namespace, unknown = hf.parse_known_args(rest)
    if unknown:
        raise InputError(f"unknown argument {' '.join(unknown)}; --help shows ours and where the others come from")
    for name in _NO_EFFECT.keys() & vars(namespace).keys():
        raise InputError(f"--{name.replace('_', '-')} has no effect here: {_NO_EFFECT[name]}")
    if namespace.eval_strategy != "no" and not settings.held_out:
        raise InputError("--eval-strategy has no effect here without rows to evaluate on: --held-out N keeps some")
    if settings.lora and namespace.hub_strategy != "end":
        raise InputError("--hub-strategy has no effect with --lora: the model is made of its adapter in the end")
    if namespace.use_cpu and os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        raise InputError("Accelerate does not start DeepSpeed on CPUs: leave --use-cpu out, or DeepSpeed")
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    namespace.output_dir = str(settings.output)
    namespace.gradient_accumulation_steps = -(-settings.batch_size // (ranks * namespace.per_device_train_batch_size))
    try:
        args = TrainingArguments(**{k: v for k, v in vars(namespace).items() if k in names})
    except (ValueError, TypeError) as error:
        raise InputError(f"training arguments: {' '.join(str(error).split())}") from None
    for tracker in _TRACKERS.intersection(args.report_to):
        if not find_spec(tracker):
            raise InputError(f"--report-to {tracker} needs `pip install {tracker}`")
    if args.world_size != ranks:
        raise InputError(f"{ranks} processes were launched, but none sees a GPU: on CPUs, add --use-cpu")
    if args.n_gpu > 1:
        raise InputError(
            f"this process sees {args.n_gpu} GPUs: start one process for each with `accelerate launch` or `torchrun`, "
            "or show it one with CUDA_VISIBLE_DEVICES"
        )
    return args


def decisive(args: "TrainingArguments") -> dict[str, Any]:
    """The arguments that decide a run's result, as JSON: a run is continued only where all of them are the same."""
    return {
        name: value
        for name, value in args.to_dict().items()
        if name not in _NO_EFFECT and not name.startswith(_ELSEWHERE)
    }
