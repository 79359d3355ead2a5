"""Run the whole study of the paper for a target: build D′, train on it and on D, evaluate, draw tables and curves.

python -m trainers.study --target smollm2-135m-instruct --small
"""

import argparse
import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from builder.config import list_targets, load_target
from builder.engines.servers import vllm_installed
from builder.errors import EXIT_CODES, InputError, InterruptedBuildError, MindTheGapError
from builder.machine import cli
from builder.machine.atomic import write_atomically
from builder.machine.display import duration
from builder.machine.extras import install
from trainers.arguments import list_configs
from trainers.study.controlled.plan import CORE, MORE, Policy, comparison, preparation, tables
from trainers.study.controlled.write import EXPERTS
from trainers.study.recipe import PYTHON, Stage, full, small, study

RECORD = "stages.jsonl"  # in the study's directory: what is done, by which command, in how many seconds

_EPILOG = f"""\
examples:
  # everything at a scale for two CPU cores, without a GPU and without a network: about an hour
  python -m trainers.study --target smollm2-135m-instruct --small

  # the paper's study on eight GPUs: 50,000 problems of NuminaMath-CoT, five benchmarks, 16 samples
  python -m trainers.study --target llama-3.1-8b-instruct

  # does rewriting help where policy and expert are apart? two CPU cores, about three hours (docs/evidence.md)
  python -m trainers.study --controlled

  # the commands alone, as a shell script
  python -m trainers.study --target qwen2.5-math-7b --dry-run

Every stage is an ordinary command and is shown before it runs. The same command again skips the
stages that are done and continues the one that was stopped; delete the study's directory to start over.

The directory holds the release (d-prime) and its report, the trained models (runs), their evaluations, comparisons,
curves.png, tables.md, and {RECORD} with the time that each stage took.

exit codes (those of the stage that failed):
{EXIT_CODES}"""


class StageError(MindTheGapError):
    """A stage failed; its own words are on the screen already."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser(
        "python -m trainers.study",
        "Run the whole study of the paper for a target: rewrite a dataset, train on the rewritten and on "
        "the original one, evaluate every model, and print the paper's tables.",
        _EPILOG,
    )
    p.add_argument("--target", metavar="NAME|FILE", help=f"{', '.join(list_targets())}, or your own YAML file")
    p.add_argument("--small", action="store_true", help="for SmolLM2-135M on two CPU cores, from generated problems")
    p.add_argument("--output", type=Path, metavar="DIR", help="of the study (default: studies/NAME)")
    controlled = p.add_argument_group("the controlled study")
    controlled.add_argument(
        "--controlled", action="store_true", help="a warmed-up SmolLM2-135M and an expert that adds style and no skill"
    )
    controlled.add_argument(
        "--policies", nargs="+", type=int, default=[0, 1], metavar="S", help="seeds of warm-ups (default: 0 1)"
    )
    controlled.add_argument("--expert", choices=EXPERTS, default="foreign", help="of D (default: %(default)s)")
    controlled.add_argument("--all-arms", action="store_true", help="DFT and importance sampling, too")
    p.add_argument(
        "--engine",
        choices=("auto", "vllm", "transformers"),
        default="auto",
        help="that samples (default: vllm where it is installed, which is several times faster)",
    )
    p.add_argument("--config", metavar="NAME|FILE", help="of the trainers (default: the one named like the target)")
    p.add_argument(
        "--gpus", type=int, default=8, metavar="N", help="that a training is spread over (default: %(default)s)"
    )
    p.add_argument("--dry-run", action="store_true", help="print the commands and stop")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study, or print it; returns the exit code.

    Raises:
        InputError: the study cannot be started so.
        StageError: a stage failed.
    """
    args = parser().parse_args(arguments)
    engine = args.engine
    if engine == "auto":
        engine = "vllm" if vllm_installed() else "transformers"
    if args.controlled:
        return _controlled(args, engine)
    if not args.target:
        raise InputError("name a --target, or ask for the study with --controlled")
    target = load_target(args.target)
    config = args.config or target.name
    if config not in list_configs() and not Path(config).is_file():
        raise InputError(f"the trainers have no configuration {config}; name one with --config")
    output = args.output or Path("studies") / (f"{target.name}-small" if args.small else target.name)
    stages = study(args.target, config, small() if args.small else full(args.gpus), engine, output)
    if args.dry_run:
        return _show(stages)
    if not find_spec("matplotlib"):  # the curves come last: better said now than in a day
        raise InputError(f"the curves need matplotlib: {install('plot')}")
    run(stages, output)
    return 0


def _controlled(args: argparse.Namespace, engine: str) -> int:
    """Run the controlled study, or print the stages that are known before anything was measured."""
    output = args.output or Path("studies") / f"controlled-{args.expert}"
    policies = [Policy(output / f"pi-{seed}", seed, args.expert, engine) for seed in args.policies]
    trainings = CORE + MORE if args.all_arms else CORE
    if args.dry_run:
        return _show([stage for policy in policies for stage in preparation(policy, trainings)])
    for policy in policies:
        run(preparation(policy, trainings), output)
        run(comparison(policy, trainings), output)
    run(tables(policies, output), output)
    return 0


def _show(stages: Sequence[Stage]) -> int:
    for stage in stages:
        print(f"# {stage.name}\n{shown(stage)}\n")
    return 0


def shown(stage: Stage) -> str:
    """The stage's command as a user would type it."""
    redirection = f" > {shlex.quote(str(stage.leaves))}" if stage.prints else ""
    return shlex.join(stage.command) + redirection


def run(stages: Sequence[Stage], output: Path) -> None:
    """Run the stages that are not done.

    Raises:
        StageError: one failed; those before it are done.
    """
    output.mkdir(parents=True, exist_ok=True)
    record, began = output / RECORD, time.monotonic()
    done = _done(record)
    for number, stage in enumerate(stages, 1):
        print(f"\n[{number}/{len(stages)}] {stage.name}\n$ {shown(stage)}", flush=True)
        command = shown(stage)
        if command in done and stage.leaves.is_file():
            print(f"done already, in {duration(done[command])}")
            continue
        started = time.monotonic()
        code = _execute(stage)
        if code:
            ended = "was interrupted" if code == InterruptedBuildError.exit_code else f"failed with exit code {code}"
            raise StageError(
                f"stage {number} of {len(stages)}, {stage.name}, {ended}; the same command continues with it", code
            )
        seconds = time.monotonic() - started
        with record.open("a", encoding="utf-8") as lines:
            entry = {"stage": stage.name, "command": command, "seconds": round(seconds, 1)}
            lines.write(json.dumps(entry, ensure_ascii=False) + "\n")
        print(f"done in {duration(seconds)}", flush=True)
    print(f"\n{len(stages)} stages are done: {output}, in {duration(time.monotonic() - began)} of this run")


def _done(record: Path) -> dict[str, float]:
    """Seconds that each finished command took."""
    if not record.is_file():
        return {}
    try:
        entries = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
        return {entry["command"]: entry["seconds"] for entry in entries}
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{record} is damaged; delete it to run every stage again") from None


def _execute(stage: Stage) -> int:
    """Run one command to its end; returns its exit code, 128 + n if signal n killed it.

    The command is in a session of its own and gets each interrupt from here, so that it can finish what it is about.
    """
    command = [sys.executable if word == PYTHON else word for word in stage.command]
    child = subprocess.Popen(command, stdout=subprocess.PIPE if stage.prints else None, start_new_session=True)
    handlers = {
        number: signal.signal(number, lambda received, _: child.send_signal(received))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        printed, _ = child.communicate()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if child.returncode == 0 and stage.prints:
        write_atomically(stage.leaves, printed.decode())
    if printed:
        print(printed.decode())
    return child.returncode if child.returncode >= 0 else 128 - child.returncode
