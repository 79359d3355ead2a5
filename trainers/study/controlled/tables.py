"""Tables of the controlled study, as Markdown: python -m trainers.study.controlled.tables studies/controlled/pi-0 [...]

Accuracies are of samples at temperature 1. The primary comparison and what it means were fixed beforehand
(docs/evidence.md); everything that was run is in the tables.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from builder.errors import InputError
from builder.machine import cli
from trainers.study.controlled.plan import CORE, MORE, PRIMARY, TESTS
from trainers.study.tables import markdown

RESAMPLES = 10_000
SELF_SHARE = (0.5, 0.8)  # of rows; outside, the policy is not competent, or has nothing to learn
LEAST_GAP = 0.5  # nats a token between D and D′; with less, there was nothing to close
RELEVANT = 0.02  # accuracy
ARMS = tuple(training.name for training in (*CORE, *MORE))
WHEN = ("first", "last")

Scores = dict[str, np.ndarray]
"""Accuracy of each problem, `[seeds, problems]`, by test."""


@dataclass(frozen=True)
class Studied:
    """What one policy's part of the study has left.

    Attributes:
        folder: its directory.
        stages: rows of D′ by stage.
        means: log-probs and excess surprisal per token, of D and of D′.
        scores: of every arm, by (arm, when).
        others: pass@4, greedy accuracy and drift of every arm, mean over seeds, by (arm, when).
    """

    folder: Path
    stages: dict[str, int]
    means: dict[str, float]
    scores: dict[tuple[str, str], Scores]
    others: dict[tuple[str, str], dict[str, float | None]]

    @property
    def self_share(self) -> float:
        """Share of rows that the policy solved by itself."""
        return self.stages["self_alignment"] / self.stages["all"]

    @property
    def gap(self) -> float:
        """By how much D′ is likelier than D, nats a token."""
        return self.means["kept_per_token"] - self.means["expert_per_token"]

    @property
    def interpretable(self) -> bool:
        """Whether the setting is the one that the study is about."""
        return SELF_SHARE[0] <= self.self_share <= SELF_SHARE[1] and self.gap >= LEAST_GAP


def primary(scores: Scores) -> float:
    """Mean of accuracy in D's families and of transfer, which is the mean of the two other tests."""
    inside, *transfer = (scores[test].mean() for test in PRIMARY)
    return float(inside / 2 + np.mean(transfer) / 2)


def difference(studied: Sequence[Studied], a: str, b: str, when: str) -> tuple[float, float, float]:
    """Primary measure of arm B minus that of A, mean over policies, with a 95 % interval.

    Percentile bootstrap over training seeds, of each arm by itself, and over problems, the same of both arms, within
    each policy; policies are taken as they are.
    """
    rng = np.random.default_rng(0)

    def resampled() -> float:
        arms = (_resampled(one.scores[a, when], one.scores[b, when], rng) for one in studied)
        return float(np.mean([_difference(*pair) for pair in arms]))

    drawn = np.sort([resampled() for _ in range(RESAMPLES)])
    observed = float(np.mean([_difference(one.scores[a, when], one.scores[b, when]) for one in studied]))
    return observed, float(drawn[round(0.025 * RESAMPLES)]), float(drawn[round(0.975 * RESAMPLES) - 1])


def _difference(a: Scores, b: Scores) -> float:
    return primary(b) - primary(a)


def _resampled(a: Scores, b: Scores, rng: np.random.Generator) -> tuple[Scores, Scores]:
    seeds = [rng.integers(len(arm[PRIMARY[0]]), size=len(arm[PRIMARY[0]])) for arm in (a, b)]
    problems = {test: rng.integers(a[test].shape[1], size=a[test].shape[1]) for test in PRIMARY}
    return tuple(
        {test: arm[test][chosen][:, problems[test]] for test in PRIMARY}
        for arm, chosen in zip((a, b), seeds, strict=True)
    )


def verdict(studied: Sequence[Studied], low: float, high: float) -> str:
    """What the primary comparison says, by the rule that was fixed beforehand."""
    if not all(one.interpretable for one in studied):
        return "not to be interpreted: the setting is not the one that the study is about"
    if low > 0:
        return "supports the paper: rewriting helped"
    if high < RELEVANT:
        return f"refutes the paper here: rewriting gained less than {100 * RELEVANT:.0f} points"
    return "undecided"


def read(folder: Path) -> Studied:
    """What one policy's part of the study has left so far.

    Raises:
        InputError: its D′ is missing.
    """
    file = folder / "d-prime" / "manifest.json"
    if not file.is_file():
        raise InputError(f"{folder} has no finished d-prime: run python -m trainers.study --controlled first")
    summary = json.loads(file.read_text(encoding="utf-8"))["summary"]
    scores, others = {}, {}
    for arm, when in ((arm, when) for arm in ("policy", *ARMS) for when in WHEN):
        pattern = f"{arm}-tests" if arm == "policy" else f"{arm}-?e-?-[0-9]-{when}-tests"
        if found := sorted((folder / "evaluations").glob(pattern)):
            scores[arm, when], others[arm, when] = _scores(found), _others(found)
    return Studied(folder, summary["stages"], summary["logprobs"]["all"], scores, others)


def _scores(evaluations: Iterable[Path]) -> Scores:
    by_seed = []
    for path in evaluations:
        samples = pl.read_parquet(path / "samples.parquet")
        means = samples.group_by("benchmark", "id").agg((pl.col("verdict") == "correct").mean().alias("mean"))
        by_seed.append(means.sort("id"))
    return {
        test: np.stack([means.filter(pl.col("benchmark") == test)["mean"].to_numpy() for means in by_seed])
        for test in TESTS
    }


def _others(evaluations: Iterable[Path]) -> dict[str, float | None]:
    tests = [json.loads((path / "results.json").read_text("utf-8")) for path in evaluations]
    greedy = [path.with_name(path.name.replace("-tests", "-greedy")) / "results.json" for path in evaluations]
    known = [json.loads(file.read_text("utf-8"))["average"]["accuracy"] for file in greedy if file.is_file()]
    drifts = [found["drift"]["average"]["kl_base_checkpoint"]["per_token"] for found in tests if found.get("drift")]
    return {
        "pass@4": float(np.mean([found["average"]["pass_at"]["4"] for found in tests])),
        "greedy": float(np.mean(known)) if known else None,
        "drift": float(np.mean(drifts)) if drifts else None,
    }


def report(studied: Sequence[Studied]) -> list[str]:
    """All tables and the verdict."""
    lines = ["Settings:", "", *_settings(studied), "", "Accuracy in per cent, mean over training seeds:", ""]
    lines += [*_accuracies(studied), ""]
    for when in WHEN:
        known = [one for one in studied if all((arm.name, when) in one.scores for arm in CORE)]
        if known:
            value, low, high = difference(known, "sft-d", "sft-d-prime", when)
            shown = f"{100 * value:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
            lines += [f"SFT on D′ minus SFT on D, primary measure, after the {when} epoch: {shown} points; "
                      f"{verdict(known, low, high)}.", ""]  # fmt: skip
    return lines


def _settings(studied: Sequence[Studied]) -> list[str]:
    columns = ("policy", "self", "guided", "fallback", "log-prob D", "D′", "excess surprisal D", "D′", "as intended")
    return markdown(columns, [
        (one.folder.name, *(f"{one.stages[s] / one.stages['all']:.0%}" for s in
                            ("self_alignment", "guided_alignment", "fallback")),
         *(f"{one.means[key]:+.2f}" for key in ("expert_per_token", "kept_per_token", "expert_excess", "kept_excess")),
         "yes" if one.interpretable else "no")
        for one in studied
    ])  # fmt: skip


def _accuracies(studied: Sequence[Studied]) -> list[str]:
    columns = ("policy", "trained", "epoch", "seeds", *TESTS, "primary", "pass@4", "greedy", "drift, nats")
    rows = []
    for one in studied:
        for (arm, when), scores in one.scores.items():
            if arm == "policy" and when != WHEN[0]:
                continue
            others = one.others[arm, when]
            rows.append((
                one.folder.name, "not" if arm == "policy" else arm, "–" if arm == "policy" else when,
                str(len(scores[TESTS[0]])), *(f"{100 * scores[test].mean():.1f}" for test in TESTS),
                f"{100 * primary(scores):.1f}", *(_percent(others[key]) for key in ("pass@4", "greedy")),
                "–" if others["drift"] is None else f"{others['drift']:.3f}",
            ))  # fmt: skip
    return markdown(columns, rows)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns the exit code."""
    p = cli.parser("python -m trainers.study.controlled.tables", __doc__)
    p.add_argument("policies", nargs="+", type=Path, metavar="DIR", help="of one policy each")
    args = p.parse_args(arguments)
    print("\n".join(report([read(folder) for folder in args.policies])))
    return 0


if __name__ == "__main__":
    cli.run(main)
