"""Draw the curves of several runs together (the paper's Figure 4).

python -m trainers.plot runs/sft runs/dft --output curves.png
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import EXIT_CODES, InputError
from builder.machine import cli
from builder.machine.extras import install

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RUN = "run.json"  # as `runlog` calls it, which would import torch

_TITLES = {
    "nll": "negative log-likelihood, nats a token",
    "probability": "mean token probability",
    "entropy": "entropy, nats",
    "effective_sample_size": "effective sample size, share of tokens",
    "grad_norm": "gradient norm",
    "loss": "loss",
}
_DEFAULT = ["nll", "probability", "entropy", "grad_norm"]

_EPILOG = f"""\
examples:
  python -m trainers.plot runs/sft runs/dft runs/is --output curves.png
  python -m trainers.plot runs/* --metrics loss effective_sample_size learning_rate --smooth 1 --output more.svg

Lines are training steps; dots are held-out rows (--held-out), for the metrics that were measured there. Runs that
differ in their seed alone are one line, their mean, in a band from the least to the greatest; the directory of --seeds
means all of its runs.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser(
        "python -m trainers.plot",
        "Draw the curves of training runs into one picture, one panel a metric.",
        _EPILOG,
    )
    p.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="--output of a trainer")
    p.add_argument("--output", type=Path, required=True, metavar="FILE", help="picture: .png, .svg or .pdf")
    p.add_argument("--metrics", nargs="+", default=_DEFAULT, metavar="NAME", help="keys of steps.jsonl")
    p.add_argument("--smooth", type=int, default=5, metavar="N", help="mean of N steps (default: %(default)s)")
    return p


def smoothed(values: list[float], over: int) -> list[float]:
    """The mean of each value and up to `over` − 1 before it."""
    windows = (values[max(0, end - over) : end] for end in range(1, len(values) + 1))
    return [sum(window) / len(window) for window in windows]


@dataclass(frozen=True)
class Curve:
    """A line of the picture: a run, or runs that differ in their seed alone.

    Attributes:
        label: what it is called.
        runs: their directories.
    """

    label: str
    runs: tuple[Path, ...]


def curves(runs: Sequence[Path]) -> list[Curve]:
    """Runs as lines: called by their loss and data, and by their directory where that does not tell them apart.

    Args:
        runs: directories of runs, or of several with `--seeds`.

    Raises:
        InputError: one of them is no run.
    """
    groups: dict[str, list[Path]] = {}
    names: dict[str, str] = {}
    for file in [file for run in runs for file in sorted(run.glob(f"seed-*/{RUN}")) or [run / RUN]]:
        facts = _facts(file.parent)
        seed = facts.get("arguments", {}).pop("seed", None)
        key = json.dumps([facts, str(file) if seed is None else None], sort_keys=True)
        groups.setdefault(key, []).append(file.parent)
        names[key] = f"{facts['loss']}, {facts['data']}"
    called = list(names.values())
    return [_curve(names[key], tuple(group), called.count(names[key]) > 1) for key, group in groups.items()]


def _curve(name: str, runs: tuple[Path, ...], ambiguous: bool) -> Curve:
    folder = runs[0] if len(runs) == 1 else runs[0].parent
    said = [folder.name] * ambiguous + [f"{len(runs)} seeds"] * (len(runs) > 1)
    return Curve(f"{name} ({', '.join(said)})" if said else name, runs)


def _facts(run: Path) -> dict[str, Any]:
    try:
        facts = json.loads((run / RUN).read_text(encoding="utf-8"))
        if {"loss", "data"} <= facts.keys():
            return facts
    except (OSError, ValueError, AttributeError):
        pass
    raise InputError(f"{run} is no training run: it has no usable {RUN}")


def points(steps: Sequence[dict[str, Any]], metric: str) -> tuple[list[int], list[float]]:
    """Steps and values of a metric, where it was logged."""
    found = [(line["step"], line[metric]) for line in steps if metric in line]
    return [step for step, _ in found], [value for _, value in found]


def spread(
    runs: Sequence[Sequence[dict[str, Any]]], metric: str, smooth: int
) -> tuple[list[int], list[float], list[float], list[float]]:
    """Steps that all runs have logged, and over runs the mean, least and greatest value of a metric there.

    Args:
        runs: lines of each run's `steps.jsonl`.
        metric: key of the lines.
        smooth: mean of so many steps first.
    """
    values = []
    for steps in runs:
        at, logged = points(steps, metric)
        values.append(dict(zip(at, smoothed(logged, smooth), strict=True)))
    at = [step for step in values[0] if all(step in one for one in values)]
    together = [[one[step] for one in values] for step in at]
    return at, [sum(v) / len(v) for v in together], [min(v) for v in together], [max(v) for v in together]


def main(arguments: list[str] | None = None) -> int:
    """Draw; returns the exit code.

    Raises:
        InputError: a run or metric does not exist.
    """
    args = parser().parse_args(arguments)
    lines = curves(args.runs)
    from trainers.training.runlog import STEPS, read_steps

    logged = [[read_steps(run / STEPS) for run in line.runs] for line in lines]
    for metric in args.metrics:
        if not any(metric in line for runs in logged for steps in runs for line in steps):
            raise InputError(f"no run has logged {metric!r}")
    try:
        import matplotlib
    except ImportError:
        raise InputError(f"drawing needs matplotlib: {install('plot')}") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(2, len(args.metrics))
    rows = -(-len(args.metrics) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(5.5 * columns, 3.4 * rows), squeeze=False)
    for metric, panel in zip(args.metrics, axes.flat, strict=False):
        for line, runs in zip(lines, logged, strict=True):
            _draw(panel, runs, metric, line.label, args.smooth)
        panel.set_title(_TITLES.get(metric, metric.replace("_", " ")), fontsize=10)
        panel.set_xlabel("optimizer step", fontsize=8)
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(alpha=0.3)
    for unused in axes.flat[len(args.metrics) :]:
        unused.remove()
    axes.flat[0].legend(fontsize=8)
    figure.tight_layout()
    args.output.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(args.output, dpi=150)
    except ValueError as error:  # a suffix that matplotlib does not know
        raise InputError(f"--output {args.output}: {error}") from None
    print(args.output)
    return 0


def _draw(panel: "Axes", runs: Sequence[Sequence[dict[str, Any]]], metric: str, name: str, smooth: int) -> None:
    at, middle, least, greatest = spread(runs, metric, smooth)
    (line,) = panel.plot(at, middle, label=name, linewidth=1.6)
    color = line.get_color()
    if len(runs) == 1:
        panel.plot(*points(runs[0], metric), color=color, alpha=0.2, linewidth=0.8)
    else:
        panel.fill_between(at, least, greatest, color=color, alpha=0.2, linewidth=0)
    at, middle, least, greatest = spread(runs, f"eval_{metric}", 1)
    panel.plot(at, middle, "o--", color=color, markersize=5, linewidth=0.8)
    panel.vlines(at, least, greatest, color=color, linewidth=0.8)


if __name__ == "__main__":
    cli.run(main)
