"""Several runs that differ in their seed alone, and what can be said of all of them: mean and spread."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from builder.errors import InputError
from builder.machine.atomic import write_atomically
from trainers.arguments import Settings
from trainers.training.runlog import BEST, RUN, STEPS, read_steps

TABLE = "seeds.md"
_FIGURES = {
    "loss": "loss",
    "nll": "nll",
    "eval_loss": "held-out loss",
    "eval_nll": "held-out nll",
    "eval_probability": "held-out probability",
    "eval_entropy": "held-out entropy",
}


def one_each(settings: Settings, config: dict[str, Any], rest: list[str]) -> list[tuple[Settings, list[str]]]:
    """Settings and arguments of every run of a command: one, or one a seed in `seed-N` of its --output.

    Args:
        settings: of the command.
        config: other arguments of --config.
        rest: other arguments of the command line.

    Raises:
        InputError: an argument is for one run alone, or one is in --output already.
    """
    if not settings.seeds:
        return [(settings, rest)]
    words = {word.partition("=")[0].removeprefix("--").replace("-", "_") for word in rest if word.startswith("--")}
    if given := {"seed", "push_to_hub"} & (words | config.keys()):
        raise InputError(f"--{min(given).replace('_', '-')} is for one run, and --seeds makes several")
    if (settings.output / RUN).exists():
        raise InputError(f"{settings.output} holds a run already: choose another --output for those of --seeds")
    return [
        (settings.model_copy(update={"output": settings.output / f"seed-{seed}"}), [*rest, "--seed", str(seed)])
        for seed in settings.seeds
    ]


def write_table(outputs: Sequence[Path]) -> str:
    """The table of some runs, which their common directory keeps."""
    text = table({output.name: read_steps(output / STEPS) for output in outputs})
    write_atomically(outputs[0].parent / TABLE, text + "\n")
    return text


def table(runs: dict[str, Sequence[dict[str, Any]]]) -> str:
    """Figures of the models that runs left, with mean and standard deviation (of a sample) over runs, in Markdown.

    Args:
        runs: lines of `steps.jsonl`, by the run's name.
    """
    columns = [key for key in _FIGURES if all(final(lines, key) is not None for lines in runs.values())]
    values = {key: [final(lines, key) for lines in runs.values()] for key in columns}
    rows = [[name, *(f"{values[key][n]:.4f}" for key in columns)] for n, name in enumerate(runs)]
    rows.append(["mean ± sd", *(f"{mean(values[key]):.4f} ± {stdev(values[key]):.4f}" for key in columns)])
    head = [["run", *(_FIGURES[key] for key in columns)], ["---", *["---:"] * len(columns)]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in head + rows)


def final(lines: Sequence[dict[str, Any]], key: str) -> float | None:
    """The figure of the model that is kept: of the last step, or of the best one where that is kept."""
    best = next((line[BEST] for line in reversed(lines) if BEST in line), None)
    found = [line[key] for line in lines if key in line and (best is None or line["step"] <= best)]
    return found[-1] if found else None
