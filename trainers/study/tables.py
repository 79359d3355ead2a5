"""Tables 1 to 4 of the paper with our numbers beside the paper's, as Markdown, from what runs leave behind.

Behind them stand pass@k and drift, which the paper does not have: what training has narrowed or moved.

python -m trainers.study.tables releases/qwen evaluations/base evaluations/dft runs/dft > tables.md

A directory is a release (`manifest.json`: Tables 1 and 3), an evaluation (`results.json`: Tables 2 and 4) or a training
run (`run.json` and `steps.jsonl`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.errors import InputError
from builder.machine import cli
from builder.release.paper import TABLE_1
from builder.release.records import STAGES
from trainers.study.forgetting import drift_table, pass_at_table
from trainers.study.found_runs import (
    DATA,
    UNKNOWN,
    Runs,
    averaged,
    benchmarks,
    figure_cells,
    find,
    markdown,
    method,
    trained_from,
)
from trainers.study.published import ABLATION, ACCURACY, BENCHMARKS, LOGPROBS, PRACTICE

PAPER_SAMPLING = {"candidates": 16, "temperature": 1.0, "top_p": 1.0, "max_tokens": 4096}


def table_1(runs: Runs) -> list[str]:
    """Rows by stage."""

    def row(label: str, stages: Mapping[str, int]) -> list[str]:
        counts = [stages[stage] for stage in STAGES]
        total = sum(counts)
        return [label, *(f"{n:,} ({n / total:.1%})" if total else "0" for n in counts), f"{total:,}"]

    rows = [row(f"{model}, paper", stages) for model, stages in TABLE_1.items()]
    rows += [
        row(f"{manifest['target']['model']}, {path.name}", manifest["summary"]["stages"])
        for path, manifest in runs.releases
    ]
    return ["## Table 1: rows of D′ by stage", "", *markdown(("target", *STAGES, "all"), rows)]


def _accuracy(figures: Mapping[str, Any]) -> tuple[float, float | None]:
    return figures["accuracy"], figures["stderr"]


def beside(
    printed: Mapping[str, Sequence[float]], ours: Iterable[tuple[str, Path, dict[str, Any]]], heading: str
) -> list[str]:
    """A table of accuracies, the paper's above ours.

    Args:
        printed: what the paper says, by the name of a row: a figure for each of `BENCHMARKS`, and their average.
        ours: name of the row, directory and results of each evaluation.
        heading: of the first column.
    """
    ours = list(ours)
    found = benchmarks(results for *_, results in ours)
    columns = list(dict.fromkeys([*(BENCHMARKS if printed else ()), *found]))
    rows = []
    for name in dict.fromkeys([*printed, *(its for its, *_ in ours)]):
        if name in printed:
            *values, average = (f"{value:.2f}" for value in printed[name])
            rows.append([f"{name}, paper", *values, *[UNKNOWN] * (len(columns) - len(values)), average])
        rows += [
            [f"{name}, {path.name}", *figure_cells(results, columns, _accuracy)]
            for its, path, results in ours
            if its == name
        ]
    return markdown((heading, *averaged(columns)), rows)


def table_2(runs: Runs) -> list[str]:
    """Accuracy by benchmark and method."""
    lines = ["## Table 2: accuracy in per cent (ours ± standard error clustered by problem)"]
    for model in dict.fromkeys([*ACCURACY, *(trained_from(results) for _, results in runs.evaluations)]):
        ours = [
            (method(results["model"]["training"]), path, results)
            for path, results in runs.evaluations
            if trained_from(results) == model
        ]
        lines += ["", f"### {model}", "", *beside(ACCURACY.get(model, {}), ours, "method")]
    notes: dict[str, list[str]] = {}
    for path, results in runs.evaluations:
        if found := departures(results):
            notes.setdefault(", ".join(found), []).append(path.name)
    if notes:
        lines += ["", "Not as in the study (16 samples at T=1, top_p=1, 4,096 tokens, all problems):", ""]
        lines += [f"- {', '.join(names)}: {note}" for note, names in notes.items()]
    return [*lines, "", "What differs from the paper in any case:", "", *(f"- {note}" for note in PRACTICE)]


def departures(results: dict[str, Any]) -> list[str]:
    """In what an evaluation differs from the paper's setting."""
    sampling = results["settings"]["sampling"]
    words = {"candidates": "samples", "temperature": "temperature", "top_p": "top_p", "max_tokens": "tokens at most"}
    notes = [f"{sampling[key]} {word}" for key, word in words.items() if sampling[key] != PAPER_SAMPLING[key]]
    for name, figures in results["benchmarks"].items():
        expected = figures["problems_in_paper"]
        if figures["problems"] != (expected or figures["problems_in_benchmark"]):
            notes.append(f"{figures['problems']} of {expected or figures['problems_in_benchmark']} problems of {name}")
    return notes


def table_3(runs: Runs) -> list[str]:
    """Log-probs of expert and kept text under the target policy."""

    def cell(value: float | None) -> str:
        return UNKNOWN if value is None else f"{value:,.3f}"

    rows = [
        [f"{model}, paper, {stage}", *map(cell, sums), UNKNOWN, UNKNOWN]
        for model, stages in LOGPROBS.items()
        for stage, sums in stages.items()
    ]
    keys = ("expert_sum", "kept_sum", "expert_per_token", "kept_per_token")
    rows += [
        [f"{manifest['target']['model']}, {path.name}, {stage}", *(cell(means[key]) for key in keys)]
        for path, manifest in runs.releases
        for stage, means in manifest["summary"]["logprobs"].items()
    ]
    columns = ("target, stage", "D, sum", "D′, sum", "D, per token", "D′, per token")
    return [
        "## Table 3: mean log-prob under the target policy before and after rewriting, nats",
        "",
        "The paper's figures are sums over a sequence, by their size; the mean per token does not depend on length. A "
        "fallback row is the expert's text in D′, too: the paper prints it once.",
        "",
        *markdown(columns, rows),
    ]


def table_4(runs: Runs) -> list[str]:
    """The ablation: what each stage of rewriting contributes, under the same loss."""
    ours = [(path, r, r["model"]["training"]) for path, r in runs.evaluations if r["model"]["training"]]
    lines = [
        "## Table 4: ablation of the stages, accuracy in per cent",
        "",
        "Trained on the experts' text (D), on what the policy solved by itself with the experts' text elsewhere (the "
        "paper's DFT + Self-Alignment), on what it solved by itself alone, and on all of D′.",
    ]
    for model in dict.fromkeys([*ABLATION, *(trained_from(results) for _, results, _ in ours)]):
        printed = {_ablated(*key): figures for key, figures in ABLATION.get(model, {}).items()}
        rows = [
            (_ablated(loss, data), path, results)
            for loss in dict.fromkeys(training["loss"] for *_, training in ours)
            for data in DATA
            for path, results, training in ours
            if (training["loss"], training["data"], trained_from(results)) == (loss, data, model)
        ]
        lines += ["", f"### {model}", "", *beside(printed, rows, "loss and data")]
    return lines


def _ablated(loss: str, data: str) -> str:
    return f"{loss} on {DATA[data]}"


def trainings(runs: Runs) -> list[str]:
    """What the trainers logged: where the plain negative log-likelihood began and ended."""
    rows = []
    for path, run in runs.trainings:
        steps = [step for step in _steps(path / "steps.jsonl") if "nll" in step]
        first, last = (f"{steps[i]['nll']:.4f}" if steps else UNKNOWN for i in (0, -1))
        count = str(steps[-1]["step"]) if steps else "0"
        rows.append(
            [path.name, run["loss"], DATA.get(run["data"], run["data"]), f"{run['rows']:,}", count, first, last]
        )
    columns = ("run", "loss", "data", "rows", "steps", "first nll", "last nll")
    return ["## Training runs (negative log-likelihood in nats a token)", "", *markdown(columns, rows)] if rows else []


def _steps(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    try:
        return [json.loads(line) for line in lines]
    except ValueError:
        raise InputError(f"{file} is damaged; continue the run with --resume") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns the exit code.

    Raises:
        InputError: a directory holds nothing that we know.
    """
    p = cli.parser("python -m trainers.study.tables", __doc__)
    p.add_argument("runs", nargs="*", type=Path, metavar="DIR", help="release, evaluation or training run")
    runs = find(p.parse_args(arguments).runs)
    parts = [table(runs) for table in (table_1, table_2, table_3, table_4, pass_at_table, drift_table, trainings)]
    print("\n\n".join("\n".join(lines) for lines in parts if lines))
    return 0


if __name__ == "__main__":
    cli.run(main)
