"""Results as tables for a person, unrounded in `results.json`, to two decimals of a per cent here."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def percent(mean: float, error: float | None = None) -> str:
    """A share in per cent, with its standard error if there is one."""
    return f"{100 * mean:.2f}" + (f" ± {100 * error:.2f}" if error is not None else "")


def print_results(console: "Console", results: dict[str, Any], output: Path) -> None:
    """The figures of an evaluation by benchmark, and their average."""
    from rich.table import Table

    scores, averaged = results["benchmarks"], results["average"]
    table = Table(box=None, pad_edge=False)
    sampled = {s["samples"] for s in scores.values()}
    k = str(max(sampled))
    columns = (
        "benchmark",
        "problems",
        "accuracy",
        "strictly",
        f"pass@{k}",
        f"maj@{k}",
        "truncated",
        "boxed",
        "no answer",
        "tokens",
        "errors",
    )
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for name, figures in [*scores.items(), ("average", averaged)]:
        table.add_row(
            name,
            f"{figures['problems']:,}" if "problems" in figures else "",
            percent(figures["accuracy"], figures["stderr"]),
            percent(figures["strict_accuracy"], figures["strict_stderr"]),
            *(percent(figures[of][k]) for of in ("pass_at", "majority_at")),
            *(percent(figures[share]) for share in ("truncated", "boxed", "no_answer")),
            f"{figures['tokens_per_answer']:,.1f}",
            f"{figures['verdict_errors']:,}",
        )
    sampling, cost = results["settings"]["sampling"], results["cost"]
    console.print(
        f"\n[bold]Accuracy over {k} samples, in per cent ± standard error clustered by problem[/bold]", highlight=False
    )
    console.print(table)
    console.print()
    for name, figures in scores.items():
        for note in _notes(figures):
            console.print(f"{name}: {note}", highlight=False, soft_wrap=True)
    rate = cost["sampled_tokens"] / cost["seconds"] if cost["seconds"] else 0
    for label, content in (
        ("model", f"{results['model']['name']} at {results['model']['revision']}"),
        (
            "sampling",
            f"temperature {sampling['temperature']}, top_p {sampling['top_p']}, {sampling['max_tokens']} tokens",
        ),
        ("strictly", "only an answer that is stated counts, in a box or in words; not merely the last number"),
        ("average", "over benchmarks, each counted alike"),
        ("cost", f"{cost['sampled_tokens']:,} tokens in {cost['seconds']:,.0f} s, {rate:,.0f} tokens/s"),
        ("result", str(output)),
    ):
        console.print(f"{label:<12}{content}", highlight=False, markup=False, soft_wrap=True)


def _notes(figures: dict[str, Any]) -> list[str]:
    notes = []
    if figures["problems"] < figures["problems_in_benchmark"]:
        notes.append(f"a random sample of {figures['problems']} of {figures['problems_in_benchmark']} problems")
    elif figures["problems_in_paper"] not in (None, figures["problems"]):
        notes.append(f"{figures['problems']} problems, the paper asks {figures['problems_in_paper']}")
    if figures["accuracy"] in (0.0, 1.0):
        bound = 1 - 0.05 ** (1 / figures["problems"])
        kind = "right" if figures["accuracy"] else "wrong"
        notes.append(
            f"every sample is {kind}, which makes the error 0; {figures['problems']} problems leave room for "
            f"{percent(bound)} at 95 % confidence"
        )
    if figures["no_room"]:
        notes.append(f"{figures['no_room']} problems leave no room for a response; they count as not answered")
    if figures["verdict_errors"]:
        notes.append(f"{figures['verdict_errors']} verdicts are errors or time-outs; they count as not correct")
    return notes
