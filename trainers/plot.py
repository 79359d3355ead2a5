"""Draw the curves of several runs together (the paper's Figure 4).

python -m trainers.plot runs/sft runs/dft --output curves.png
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import EXIT_CODES, InputError
from builder.machine import cli

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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

Lines are training steps; dots are held-out rows (--held-out), for the metrics that were measured there.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m trainers.plot",
        description="Draw the curves of training runs into one picture, one panel a metric.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="directory that a trainer wrote (--output)")
    p.add_argument("--output", type=Path, required=True, metavar="FILE", help="picture: .png, .svg or .pdf")
    p.add_argument("--metrics", nargs="+", default=_DEFAULT, metavar="NAME", help="keys of steps.jsonl")
    p.add_argument("--smooth", type=int, default=5, metavar="N", help="mean of N steps (default: %(default)s)")
    return p


def smoothed(values: list[float], over: int) -> list[float]:
    """The mean of each value and up to `over` − 1 before it."""
    windows = (values[max(0, end - over) : end] for end in range(1, len(values) + 1))
    return [sum(window) / len(window) for window in windows]


def labels(runs: list[Path]) -> list[str]:
    """The loss and the data of each run, with its directory's name where that does not tell them apart.

    Raises:
        InputError: one of them is no run.
    """
    names = []
    for run in runs:
        try:
            facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
            names.append(f"{facts['loss']}, {facts['data']}")
        except (OSError, ValueError, KeyError):
            raise InputError(f"{run} is no training run: it has no usable run.json") from None
    return [n if names.count(n) == 1 else f"{n} ({run.name})" for n, run in zip(names, runs, strict=True)]


def points(steps: list[dict[str, Any]], metric: str) -> tuple[list[int], list[float]]:
    """Steps and values of a metric, where it was logged."""
    found = [(line["step"], line[metric]) for line in steps if metric in line]
    return [step for step, _ in found], [value for _, value in found]


def main(arguments: list[str] | None = None) -> int:
    """Draw; returns the exit code.

    Raises:
        InputError: a run or metric does not exist.
    """
    args = parser().parse_args(arguments)
    names = labels(args.runs)
    from trainers.runlog import STEPS, read_steps

    curves = [read_steps(run / STEPS) for run in args.runs]
    for metric in args.metrics:
        if not any(metric in line for steps in curves for line in steps):
            raise InputError(f"no run has logged {metric!r}")
    try:
        import matplotlib
    except ImportError:
        raise InputError("drawing needs matplotlib: pip install 'mind-the-gap[plot]'") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(2, len(args.metrics))
    rows = -(-len(args.metrics) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(5.5 * columns, 3.4 * rows), squeeze=False)
    for metric, panel in zip(args.metrics, axes.flat, strict=False):
        for name, steps in zip(names, curves, strict=True):
            _draw(panel, steps, metric, name, args.smooth)
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


def _draw(panel: "Axes", steps: list[dict[str, Any]], metric: str, name: str, smooth: int) -> None:
    at, values = points(steps, metric)
    (line,) = panel.plot(at, smoothed(values, smooth), label=name, linewidth=1.6)
    panel.plot(at, values, color=line.get_color(), alpha=0.2, linewidth=0.8)
    panel.plot(*points(steps, f"eval_{metric}"), "o--", color=line.get_color(), markersize=5, linewidth=0.8)


if __name__ == "__main__":
    cli.run(main)
