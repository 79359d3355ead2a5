"""Make a whole model of an adapter: of a LoRA run's checkpoint, or of one that was saved alone.

python -m trainers.merge runs/lora/checkpoint-40 --output models/lora-40
"""

import argparse
import json
from pathlib import Path
from typing import Any

from builder.config import Target
from builder.errors import EXIT_CODES, InputError
from builder.machine import cli
from builder.machine.validation import validated
from builder.policy.models import Model, resolve_model

_EPILOG = f"""\
examples:
  python -m trainers.merge runs/lora/checkpoint-40 --output models/lora-40
  python -m trainers.evaluate --model models/lora-40 --output evaluations/lora-40

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser(
        "python -m trainers.merge",
        "Add an adapter that a trainer left (--lora) to the weights of the model it was trained on.",
        _EPILOG,
    )
    p.add_argument("adapter", type=Path, metavar="ADAPTER", help="a checkpoint, adapter/ or --output of a LoRA run")
    p.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the model appears")
    p.add_argument(
        "--save-dtype", choices=("float32", "bfloat16"), help="of its weights (default: those of the training)"
    )
    return p


def main(arguments: list[str] | None = None) -> int:
    """Merge; returns the exit code.

    Raises:
        InputError: there is no adapter, its model is not to be found, or --output exists.
    """
    args = parser().parse_args(arguments)
    run = _run_of(args.adapter)
    if args.output.exists():
        raise InputError(f"--output {args.output} exists already")
    base = base_model(run)
    import torch

    from trainers.model.lora import merge_adapter
    from trainers.training.saving import Companions

    merge_adapter(base.path, args.adapter, args.output, getattr(torch, args.save_dtype or run["dtype"]))
    Companions(base.path, args.adapter).accompany(args.output)
    print(args.output)
    return 0


def _run_of(adapter: Path) -> dict[str, Any]:
    for name in ("adapter_config.json", "run.json"):
        if not (adapter / name).is_file():
            raise InputError(f"{adapter} holds no adapter of a trainer: it has no {name}")
    return json.loads((adapter / "run.json").read_text(encoding="utf-8"))


def base_model(run: dict[str, Any]) -> Model:
    """The model that a run began with.

    Raises:
        InputError: it is not to be found, or has changed.
    """
    target = validated(Target, run["target"], "run.json: target")
    if run["model"] != target.model:
        target = target.model_copy(update={"model": run["model"], "revision": None, "offline_package": None})
    if not Path(run["model"]).is_dir() and not target.offline_package:
        target = target.model_copy(update={"revision": run["model_revision"]})
    model = resolve_model(target)
    if model.revision != run["model_revision"]:
        raise InputError(
            f"{run['model']} is at {model.revision}, but the adapter was trained on {run['model_revision']}"
        )
    return model


if __name__ == "__main__":
    cli.run(main)
