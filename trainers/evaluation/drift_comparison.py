"""The drift of two evaluated policies from the same base, by the paired bootstrap over prompts."""

from typing import TYPE_CHECKING, Any

from trainers.evaluation.bootstrap import Difference, averaged, difference, resampled_ratios
from trainers.evaluation.drift_settings import DIRECTIONS
from trainers.evaluation.results import Run

if TYPE_CHECKING:
    import numpy as np


def compare_drift(a: Run, b: Run, seed: int = 0) -> list[Difference]:
    """Both divergences, nats a token, on every set of prompts and on their average; none if `drift_note` says why."""
    import numpy as np

    if not _both(a, b) or drift_note(a, b):
        return []
    found = []
    for metric, (drawn_by, against) in DIRECTIONS.items():
        rng, differences, resampled = np.random.default_rng(seed), [], []
        for name in a.results["drift"]["prompts"]:
            sides = [_per_prompt(run, name, drawn_by, against) for run in (a, b)]
            totals, weights = (np.stack([side[i] for side in sides]) for i in (0, 1))
            resampled.append(resampled_ratios(totals, weights, rng))
            before, after = (float(x) for x in totals.sum(axis=1) / weights.sum(axis=1))
            differences.append(difference(metric, name, totals.shape[1], before, after, resampled[-1]))
        found += averaged(metric, differences, resampled)
    return found


def drift_note(a: Run, b: Run) -> list[str]:
    """Why the drift that there is cannot be compared, in one line; none if it can, or if there is none."""
    drifts = [run.results.get("drift") for run in (a, b)]
    if not any(drifts):
        return []
    if not all(drifts):
        return [f"only {'A' if drifts[0] else 'B'} has a drift; --drift measures that of the other"]
    first, second = map(_measured_by, drifts)
    other = [name for name in first if first[name] != second[name]]
    return [f"drifts are not comparable, they were measured by another {' and '.join(other)}"] if other else []


def _both(a: Run, b: Run) -> bool:
    return all("drift" in run.results for run in (a, b))


def _measured_by(drift: dict[str, Any]) -> dict[str, Any]:
    return {
        "base": drift["base"]["revision"],
        "set of prompts": {name: figures["fingerprint"] for name, figures in drift["prompts"].items()},
        "sampling": drift["settings"]["sampling"],
    }


def _per_prompt(run: Run, prompts: str, drawn_by: str, against: str) -> "tuple[np.ndarray, np.ndarray]":
    """Sums over each prompt's samples of log-ratios (nats) and of tokens, `[prompts]`, in an order both runs share."""
    import polars as pl

    mine = run.drift().filter((pl.col("prompts") == prompts) & (pl.col("drawn_by") == drawn_by))
    ratio = pl.col(f"{drawn_by}_logprob") - pl.col(f"{against}_logprob")
    sums = mine.group_by("id").agg(ratio.sum().alias("ratio"), pl.col("tokens").sum()).sort("id")
    return sums["ratio"].to_numpy(), sums["tokens"].to_numpy().astype(float)
