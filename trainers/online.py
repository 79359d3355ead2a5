"""Online rewriting: train a round, rewrite the next one for what that has made of the policy, and so on.

python -m trainers.online --dataset releases/demo --loss dft --rounds 3 --output runs/online
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.config import Realign
from builder.errors import EXIT_CODES, InputError
from builder.machine import cli
from builder.machine.atomic import write_atomically
from builder.machine.display import plain_table
from builder.machine.flags import add_flags, flag_name, given
from builder.machine.interrupts import interrupt_when_terminated
from builder.policy.derive import as_yaml
from builder.release.open import Release, open_release
from builder.release.settings import settings_of
from trainers.arguments import read_settings
from trainers.study.recipe import Stage, stage
from trainers.study.run import run, shown

_BOUNDS = ("cap", "max_log_ratio", "min_ess")
_ALWAYS = ("--num-train-epochs", "1", "--lr-scheduler-type", "constant", "--warmup-steps", "0", "--save-strategy", "no")
_EPILOG = f"""\
what is done (the paper's footnote 2):
  Round 1 trains on RELEASE. Before each further one, builder.realign makes D′ for the model that the last one has left:
  answers that it would still give stay, all others are drawn anew. A round is all rows, or the next --round-rows of
  them, down to one batch; after the last row it begins again with the first.

examples:
  # three rounds over all rows
  python -m trainers.online --dataset releases/demo --loss dft --rounds 3 --output runs/online

  # 256 rows a round; trainers.train takes what this command does not know
  python -m trainers.online --dataset releases/demo --loss dft --rounds 12 --round-rows 256 --output runs/online \\
      --config llama-3.1-8b-instruct --learning-rate 2e-6 --batch-size 32

Each round is two ordinary commands, which are shown: DIR/round-1/d-prime and DIR/round-1/run, and so on. The learning
rate is constant, the optimizer begins anew with each round, and of the models only the last two keep their weights.
The same command again continues what was stopped.

exit codes (those of the command that failed):
{EXIT_CODES}"""


@dataclass(frozen=True)
class Plan:
    """What all rounds have in common.

    Attributes:
        dataset: the release to begin with.
        target: file of the target that wrote it.
        total: its rows.
        size: rows of a round.
        loss: to train with.
        engine: that samples.
        bounds: flags of `builder.realign`.
        training: flags of the trainer.
        output: directory of all.
    """

    dataset: str
    target: Path
    total: int
    size: int
    loss: str
    engine: str
    bounds: tuple[str, ...]
    training: tuple[str, ...]
    output: Path

    def place(self, number: int) -> Path:
        """Directory of a round, counted from 1."""
        return self.output / f"round-{number}"

    def stages(self, number: int) -> list[Stage]:
        """The commands of a round: rewrite, unless the release will do as it is, and train."""
        place, whole = self.place(number), self.size == self.total
        model = self.place(number - 1) / "run" if number > 1 else None
        dataset = self.dataset if whole and not model else str(place / "d-prime")
        of_model = ("--model", str(model)) if model else ()
        where = ("--dataset", dataset, *of_model, "--output", str(place / "run"), "--resume")
        words = ("trainers.train", "--loss", self.loss, *self.training, *where)
        train = stage(f"round {number}: train", words, place / "run" / "config.json")
        if dataset == self.dataset:
            return [train]
        parent, rows = self._parent(number)
        words = ("builder.realign", parent, "--target", str(model or self.target), *rows, *self.bounds)
        words += ("--engine", self.engine, "--output", str(place / "d-prime"))
        return [stage(f"round {number}: rewrite", words, place / "d-prime" / "manifest.json"), train]

    def _parent(self, number: int) -> tuple[str, tuple[str, ...]]:
        """The last release of these rows, and which of its rows they are."""
        an_epoch = -(-self.total // self.size)
        if self.size == self.total:
            return (str(self.place(number - 1) / "d-prime") if number > 2 else self.dataset), ()
        if number > an_epoch:
            return str(self.place(number - an_epoch) / "d-prime"), ()
        first = (number - 1) * self.size
        return self.dataset, ("--rows", f"{first}:{min(first + self.size, self.total)}")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser(
        "python -m trainers.online", "Train in rounds, each on what the policy of that moment has rewritten.", _EPILOG
    )
    p.add_argument("--dataset", required=True, metavar="DIR|REPO", help="a release D′ of the model to train")
    p.add_argument("--loss", required=True, help="of all rounds, as trainers.train takes it")
    p.add_argument("--rounds", required=True, type=int, metavar="K", help="how many")
    p.add_argument("--round-rows", type=int, metavar="N", help="rows of a round (default: all)")
    p.add_argument("--output", required=True, type=Path, metavar="DIR", help="of all rounds")
    p.add_argument("--engine", choices=("auto", "vllm", "transformers"), default="auto", help="that samples")
    p.add_argument("--dry-run", action="store_true", help="print the commands and stop")
    add_flags(p.add_argument_group("when an answer is kept (builder.realign)"), Realign, *_BOUNDS, override=True)
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Train in rounds; returns the exit code.

    Raises:
        InputError: the rounds cannot be started so.
        StageError: a command failed.
    """
    args, rest = parser().parse_known_args(arguments)
    if args.rounds < 1 or (args.round_rows is not None and args.round_rows < 1):
        raise InputError("--rounds and --round-rows: one or more")
    release = open_release(args.dataset)
    plan = _plan(args, rest, release)
    _check_training(plan)
    if args.dry_run:
        for number in range(1, args.rounds + 1):
            for each in plan.stages(number):
                print(f"# {each.name}\n{shown(each)}\n")
        return 0
    args.output.mkdir(parents=True, exist_ok=True)
    write_atomically(plan.target, as_yaml(settings_of(release, "train in rounds on").target))
    for number in range(1, args.rounds + 1):
        run(plan.stages(number), args.output)
        _forget_weights(plan.place(number - 2) / "run")
    _show(plan, args.rounds)
    return 0


def _check_training(plan: Plan) -> None:
    """Say now what the trainer would say of its arguments after the first rewriting."""
    words = [*plan.training, "--loss", plan.loss, "--dataset", plan.dataset, "--output", str(plan.place(1) / "run")]
    settings, config, rest = read_settings(words, None)
    from trainers.training.guards import check_loss, check_settings  # torch and all: not for --help
    from trainers.training.training_arguments import training_arguments

    check_loss(settings.loss)
    check_settings(settings)
    training_arguments(settings, config, rest)


def _plan(args: argparse.Namespace, rest: Sequence[str], release: Release) -> Plan:
    total = release.manifest["summary"]["stages"]["all"]
    bounds = ((flag_name(Realign, field), str(value)) for field, value in given(args, Realign).items())
    return Plan(
        dataset=args.dataset,
        target=args.output / "target.yaml",
        total=total,
        size=min(args.round_rows or total, total),
        loss=args.loss,
        engine=args.engine,
        bounds=tuple(word for pair in bounds for word in pair),
        training=(*_ALWAYS, *rest),
        output=args.output,
    )


def _forget_weights(run: Path) -> None:
    for file in run.glob("*.safetensors"):
        file.unlink()


def _show(plan: Plan, rounds: int) -> None:
    from rich.console import Console

    table = plain_table("round", "rows", "self", "guided", "fallback", "reused", "tokens sampled", "first loss", "last")
    for cells in _rounds(plan, rounds):
        table.add_row(*cells)
    console = Console(width=110)
    console.print(table)
    console.print(f"the model: {plan.place(rounds) / 'run'}", highlight=False, soft_wrap=True)


def _rounds(plan: Plan, rounds: int) -> Iterator[tuple[str, ...]]:
    for number in range(1, rounds + 1):
        place = plan.place(number)
        made = place / "d-prime"
        manifest = open_release(str(made) if made.is_dir() else plan.dataset).manifest
        stages, summary = manifest["summary"]["stages"], manifest["summary"]
        lines = (place / "run" / "steps.jsonl").read_text(encoding="utf-8").splitlines()
        losses = [step["loss"] for step in map(json.loads, lines) if "loss" in step]
        reused, sampled = (
            (f"{summary.get('reused', 0):,}", f"{manifest['cost']['sampled_tokens']:,}")
            if made.is_dir()
            else ("-", "-")
        )
        counts = (f"{stages[name]:,}" for name in ("all", "self_alignment", "guided_alignment", "fallback"))
        yield str(number), *counts, reused, sampled, f"{losses[0]:.4f}", f"{losses[-1]:.4f}"


if __name__ == "__main__":
    interrupt_when_terminated()
    cli.run(main)
