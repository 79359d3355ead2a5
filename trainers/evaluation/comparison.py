"""Two evaluations of the same problems against each other: the paired bootstrap over problems."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.errors import InputError
from trainers.evaluation.results import Run

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

RESAMPLES = 10_000
CONFIDENCE = 0.95
_AT_ONCE = 500  # resamples, to bound memory


@dataclass(frozen=True)
class Difference:
    """Accuracy of run B minus accuracy of run A.

    Attributes:
        name: benchmark, or `average`.
        problems: how many both were asked.
        before: accuracy of A.
        after: accuracy of B.
        low: lower end of the 95 % interval of the difference.
        high: its upper end.
        p_value: two-sided; small if a difference of zero is unlikely.
    """

    name: str
    problems: int
    before: float
    after: float
    low: float
    high: float
    p_value: float

    @property
    def difference(self) -> float:
        """The point estimate."""
        return self.after - self.before


def compare(a: Run, b: Run, seed: int = 0) -> list[Difference]:
    """Every benchmark of two runs and, if there are several, their unweighted average.

    Problems are drawn with replacement within each benchmark, the same ones for both runs (Efron & Tibshirani 1993,
    chapters 13 and 16); intervals are percentile intervals, p-values count resamples on the other side of zero.

    Raises:
        InputError: the runs were not asked the same problems.
    """
    import numpy as np

    _refuse_other_problems(a, b)
    rng = np.random.default_rng(seed)
    names = list(a.results["benchmarks"])
    means = {name: (_per_problem(a, name), _per_problem(b, name)) for name in names}
    resampled = {name: _resampled(after - before, rng) for name, (before, after) in means.items()}
    found = [
        _difference(name, len(means[name][0]), *(float(side.mean()) for side in means[name]), resampled[name])
        for name in names
    ]
    if len(found) > 1:
        sides = (float(np.mean([getattr(d, side) for d in found])) for side in ("before", "after"))
        stacked = np.mean([resampled[name] for name in names], axis=0)
        found.append(_difference("average", sum(d.problems for d in found), *sides, stacked))
    return found


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
    """The differences as a table, in per cent."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(("benchmark", "problems", "A", "B", "B - A", "95 % interval", "p")):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for d in differences:
        interval = f"{100 * d.low:+.2f} to {100 * d.high:+.2f}"
        shown = f"{100 * d.before:.2f}", f"{100 * d.after:.2f}", f"{100 * d.difference:+.2f}"
        table.add_row(d.name, f"{d.problems:,}", *shown, interval, f"{d.p_value:.4f}")
    console.print(f"\n[bold]Accuracy in per cent, paired bootstrap over problems, {RESAMPLES:,} resamples[/bold]")
    console.print(table)
    console.print()
    for label, run in (("A", a), ("B", b)):
        model = run.results["model"]
        console.print(f"{label}  {run.path}: {model['name']} at {model['revision']}", highlight=False, soft_wrap=True)
    for line in other_settings(a, b):
        console.print(f"note: {line}", markup=False, highlight=False, soft_wrap=True)


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


def _per_problem(run: Run, benchmark: str) -> "np.ndarray":
    """Mean accuracy `[problems]`, in an order that both runs share."""
    import polars as pl

    mine = run.samples().filter(pl.col("benchmark") == benchmark)
    means = mine.group_by("id").agg((pl.col("verdict") == "correct").mean().alias("mean")).sort("id")
    return means["mean"].to_numpy()


def _resampled(differences: "np.ndarray", rng: "np.random.Generator") -> "np.ndarray":
    """Mean of each resample, `[RESAMPLES]`."""
    import numpy as np

    n = len(differences)
    parts = [differences[rng.integers(n, size=(_AT_ONCE, n))].mean(axis=1) for _ in range(RESAMPLES // _AT_ONCE)]
    return np.concatenate(parts)


def _difference(name: str, problems: int, before: float, after: float, resampled: "np.ndarray") -> Difference:
    import numpy as np

    tail = (1 - CONFIDENCE) / 2
    low, high = (float(q) for q in np.quantile(resampled, (tail, 1 - tail)))
    # The observed data count as one resample: with few resamples beyond zero, p is small but never zero.
    beyond = min(int((resampled <= 0).sum()), int((resampled >= 0).sum()))
    return Difference(name, problems, before, after, low, high, min(1.0, 2 * (beyond + 1) / (RESAMPLES + 1)))
