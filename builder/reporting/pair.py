"""Two releases side by side: the numbers of each, and of the rows that both have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.release.comparison import Comparison, compare_releases
from builder.release.open import Release, with_all_columns
from builder.reporting.examples import kept_text, sample
from builder.reporting.histograms import Histogram, histogram
from builder.reporting.statistics import EXCESS, LOGPROBS, TOKENS, Gap, Statistics, collect, gap_between

if TYPE_CHECKING:
    import polars as pl

_KEPT = (EXCESS[1], LOGPROBS[1], TOKENS[1])
_SHOWN = ("id", "problem", "expert_solution", "stage", "prompt", "completion", "completion_tokens", "policy_logprob")


@dataclass(frozen=True)
class Pair:
    """Everything that the page about releases A and B shows but the rows.

    Attributes:
        releases: A and B.
        statistics: of each, about all its rows.
        comparison: what differs.
        gap: excess surprisal per token of A's and of B's kept text, of rows in both; None if not measured.
        gap_by_logprob: the same of minus the log-prob.
        excess: of every row's kept text per token, nats, all rows of each; series `expert` (A) and `kept` (B), the
            colours of before and after.
        tokens: of every row's kept text, the same series.
    """

    releases: tuple[Release, Release]
    statistics: tuple[Statistics, Statistics]
    comparison: Comparison
    gap: Gap | None
    gap_by_logprob: Gap | None
    excess: Histogram
    tokens: Histogram


def pair_of(before: Release, after: Release, advance: Callable[[int], None] = lambda rows: None) -> Pair:
    """Read both through.

    Args:
        before: release A.
        after: release B.
        advance: is told how many rows were read since it was last told.

    Raises:
        InputError: one has no rows, or lacks a config.
    """
    excess, logprob, tokens = _KEPT
    old, new = _numbers(before), _numbers(after)
    common = old.join(new, on=["id", "problem"], suffix="_after")
    lengths = (tokens, f"{tokens}_after")
    return Pair(
        releases=(before, after),
        statistics=(collect(before, advance), collect(after, advance)),
        comparison=compare_releases(before, after),
        gap=gap_between(common, (excess, f"{excess}_after"), 1, lengths),
        gap_by_logprob=gap_between(common, (logprob, f"{logprob}_after"), -1, lengths),
        excess=_both(old, new, excess),
        tokens=_both(old, new, tokens, whole=True),
    )


def changed_rows(pair: Pair, most: int) -> list[dict[str, Any]]:
    """At most `most` rows with another stage, text or prompt, drawn by (seed of B, row id), ordered by id."""
    import polars as pl

    found = pair.comparison
    chosen = sample({*found.moved, *found.rewritten}, most, pair.releases[1].manifest["seed"])
    old, new = (
        release.scan("default").select(_SHOWN).filter(pl.col("id").is_in(chosen)).collect(engine="streaming")
        for release in pair.releases
    )
    rows = {row["id"]: row for row in old.to_dicts()}
    return [_change(rows[row["id"]], row) for row in new.sort("id").to_dicts()]


def _change(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    parts = {"stage": "stage", "text": "completion", "prompt": "prompt"}
    return {
        "id": after["id"],
        "problem": after["problem"],
        "expert": after["expert_solution"],
        "stage": after["stage"],
        "stage_before": before["stage"],
        "changed": [name for name, column in parts.items() if before[column] != after[column]],
        "before": kept_text(before),
        "after": kept_text(after),
    }


def _numbers(release: Release) -> "pl.DataFrame":
    """What is compared of each row; of its problem, a hash."""
    import polars as pl

    rows = with_all_columns(release.scan("default"), "default")
    return rows.select("id", pl.col("problem").hash(), *_KEPT).collect(engine="streaming")


def _both(old: "pl.DataFrame", new: "pl.DataFrame", column: str, *, whole: bool = False) -> Histogram:
    series = {"expert": old[column], "kept": new[column]}
    return histogram({name: values.to_numpy().astype(float) for name, values in series.items()}, whole=whole)
