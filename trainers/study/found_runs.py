"""Releases, evaluations and training runs as tables find them, and what their rows and columns are called."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.errors import InputError
from trainers.study.published import BENCHMARKS

UNKNOWN = "–"
DATA = {
    "expert": "D",
    "self_and_expert": "self-alignment, else D",
    "self_alignment": "self-alignment only",
    "full": "D′",
}


@dataclass
class Runs:
    """What was found, each as (directory, content of its JSON file)."""

    releases: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)
    evaluations: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)
    trainings: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)


def find(paths: Iterable[Path]) -> Runs:
    """Sort directories by what they hold.

    Raises:
        InputError: one holds nothing that we know, or its file is damaged.
    """
    runs = Runs()
    kinds = (
        ("manifest.json", "summary", runs.releases),
        ("results.json", "evaluation_format", runs.evaluations),
        ("run.json", "loss", runs.trainings),
    )
    for path in paths:
        for name, key, found in kinds:
            if (path / name).is_file():
                try:
                    content = json.loads((path / name).read_text(encoding="utf-8"))
                    content[key]
                except (ValueError, KeyError, TypeError):
                    raise InputError(f"{path / name} is damaged, or not of this tool") from None
                found.append((path, content))
                break
        else:
            raise InputError(f"{path} is neither a release, an evaluation nor a training run")
    return runs


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table, the first column to the left, the others to the right."""
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return ["| " + " | ".join(cells) + " |" for cells in (columns, rule, *rows)]


def method(training: dict[str, Any] | None) -> str:
    """What the paper calls a model that was trained so, or our own words where the paper has none."""
    if training is None:
        return "base"
    loss = {"sft": "SFT", "dft": "DFT", "importance_sampling": "importance sampling"}.get(
        training["loss"], training["loss"]
    )
    return {"expert": loss, "full": f"DR + {loss}"}.get(
        training["data"], f"{loss} on {DATA.get(training['data'], training['data'])}"
    )


def trained_from(results: dict[str, Any]) -> str:
    """The model that an evaluated one was trained from: itself, if it was not trained."""
    return (results["model"]["training"] or {}).get("model", results["model"]["name"])


def benchmarks(evaluations: Iterable[dict[str, Any]]) -> list[str]:
    """The benchmarks of a table: the paper's if one of them was evaluated, and the user's own."""
    found = dict.fromkeys(name for results in evaluations for name in results["benchmarks"])
    papers = BENCHMARKS if found.keys() & set(BENCHMARKS) else ()
    return [*papers, *(name for name in found if name not in BENCHMARKS)]


def averaged(columns: Sequence[str]) -> list[str]:
    """The headings of benchmarks, with one for their average if there are several."""
    return [*columns, "average"] if len(columns) > 1 else list(columns)


def figure_cells(
    results: dict[str, Any],
    columns: Sequence[str],
    figure: Callable[[Mapping[str, Any]], tuple[float | None, float | None]],
) -> list[str]:
    """A share by benchmark in per cent, and its average if none of the table's benchmarks is missing.

    Args:
        results: of an evaluation.
        columns: benchmarks of the table.
        figure: the share and its standard error, from the figures of a benchmark; None if they do not have it.
    """

    def cell(figures: Mapping[str, Any] | None) -> str:
        share, error = figure(figures) if figures is not None else (None, None)
        if share is None:
            return UNKNOWN
        return f"{100 * share:.2f}" + ("" if error is None else f" ± {100 * error:.2f}")

    found = results["benchmarks"]
    figures = {**found, "average": results["average"] if set(found) == set(columns) else None}
    return [cell(figures.get(name)) for name in averaged(columns)]
