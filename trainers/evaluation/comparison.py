"""Two evaluations of the same problems against each other: accuracy, pass@k and drift, by the paired bootstrap."""

from typing import TYPE_CHECKING

from builder.errors import InputError
from builder.machine.display import plain_table
from trainers.evaluation.bootstrap import RESAMPLES, Difference, averaged, difference, resampled_means
from trainers.evaluation.drift_comparison import compare_drift, drift_note
from trainers.evaluation.drift_settings import SHOWN
from trainers.evaluation.metrics import pass_at_k, powers_of_two
from trainers.evaluation.results import Run

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

ACCURACY = "accuracy"


def compare_all(a: Run, b: Run, seed: int = 0) -> list[Difference]:
    """Accuracy, pass@k for each k that both have samples for, and drift where both were held against the same base.

    Raises:
        InputError: the runs were not asked the same problems.
    """
    samples = min(run.results["settings"]["sampling"]["candidates"] for run in (a, b))
    found = [compare(a, b, seed, k) for k in powers_of_two(samples)]
    return [d for of_metric in (*found, compare_drift(a, b, seed)) for d in of_metric]


def compare(a: Run, b: Run, seed: int = 0, k: int = 1) -> list[Difference]:
    """pass@k (accuracy for k = 1) on every benchmark of two runs and, if there are several, their unweighted average.

    Problems are drawn within each benchmark.

    Raises:
        InputError: the runs were not asked the same problems.
    """
    import numpy as np

    _refuse_other_problems(a, b)
    rng, metric = np.random.default_rng(seed), ACCURACY if k == 1 else f"pass@{k}"
    found, resampled = [], []
    for name in a.results["benchmarks"]:
        before, after = (_per_problem(run, name, k) for run in (a, b))
        resampled.append(resampled_means(after - before, rng))
        sides = float(before.mean()), float(after.mean())
        found.append(difference(metric, name, len(before), *sides, resampled[-1]))
    return averaged(metric, found, resampled)


def other_settings(a: Run, b: Run) -> list[str]:
    """Settings beside the model that differ, which a comparison of models should not have."""
    pairs = [(side.results["settings"], side.results) for side in (a, b)]
    facts = [
        {
            **s["sampling"],
            "seed": s["seed"],
            "prompt_hash": s["prompt_hash"],
            "verifier": r["verifier"],
            "engine": r["engine"],
        }
        for s, r in pairs
    ]
    return [
        f"{name}: {facts[0][name]} in A, {facts[1][name]} in B" for name in facts[0] if facts[0][name] != facts[1][name]
    ]


def print_comparison(console: "Console", a: Run, b: Run, differences: list[Difference]) -> None:
    """The differences as tables: accuracy and pass@k in per cent, drift in nats."""
    shares = [d for d in differences if d.metric not in SHOWN]
    moved = [d for d in differences if d.metric in SHOWN]
    how = f"paired bootstrap over problems, {RESAMPLES:,} resamples"
    _print_table(console, f"Accuracy and pass@k in per cent, {how}", shares, 100, 2)
    if moved:
        base = a.results["drift"]["base"]
        title = f"Drift from {base['name']} at {base['revision'][:18]} in nats a token, {how}"
        _print_table(console, title, moved, 1, 4)
    for label, run in (("A", a), ("B", b)):
        model = run.results["model"]
        console.print(f"{label}  {run.path}: {model['name']} at {model['revision']}", highlight=False, soft_wrap=True)
    for line in [*other_settings(a, b), *drift_note(a, b)]:
        console.print(f"note: {line}", markup=False, highlight=False, soft_wrap=True)


def _print_table(console: "Console", title: str, differences: list[Difference], scale: float, digits: int) -> None:
    table = plain_table("", "of", "problems", "A", "B", "B - A", "95 % interval", "p", left=2)
    for d in differences:
        before, after = (f"{scale * x:.{digits}f}" for x in (d.before, d.after))
        gain, low, high = (f"{scale * x:+.{digits}f}" for x in (d.difference, d.low, d.high))
        shown = SHOWN.get(d.metric, d.metric), d.name, f"{d.problems:,}", before, after, gain, f"{low} to {high}"
        table.add_row(*shown, f"{d.p_value:.4f}")
    console.print(f"\n[bold]{title}[/bold]", highlight=False)
    console.print(table)
    console.print()


def _refuse_other_problems(a: Run, b: Run) -> None:
    left, right = a.results["benchmarks"], b.results["benchmarks"]
    if left.keys() != right.keys():
        raise InputError(
            f"{a.path} and {b.path} cannot be compared: the benchmarks are {', '.join(left)} and {', '.join(right)}"
        )
    for name in left:
        if left[name]["fingerprint"] != right[name]["fingerprint"]:
            raise InputError(
                f"{a.path} and {b.path} cannot be compared: they were asked different problems of {name} "
                f"({left[name]['problems']} and {right[name]['problems']}); use the same data, --limit and --seed"
            )


def _per_problem(run: Run, benchmark: str, k: int) -> "np.ndarray":
    """pass@k of each problem `[problems]`, in an order that both runs share."""
    import numpy as np
    import polars as pl

    mine = run.samples().filter(pl.col("benchmark") == benchmark)
    right = (pl.col("verdict") == "correct").sum().alias("right")
    counts = mine.group_by("id").agg(pl.len().alias("samples"), right).sort("id")
    return np.array([pass_at_k(n, correct, k) for n, correct in counts.select("samples", "right").iter_rows()])
