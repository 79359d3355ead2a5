"""Every number of a report, from the files of a release.

Texts are never loaded, and tokens pass by in batches: what is held are a few numbers a row, about 100 bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.errors import InputError
from builder.release.open import Release, with_all_columns
from builder.release.records import STAGES
from builder.release.summary import summarize
from builder.reporting.histograms import Histogram, histogram, pass_rates
from builder.reporting.means import Mean
from builder.reporting.policy_gap import Weights, describe
from builder.reporting.token_weights import TokenWeights, token_weights

if TYPE_CHECKING:
    import polars as pl

ALL = "all"
PHASES = ("self", "guided")
# Columns of the expert's and of the kept text.
EXCESS = ("expert_excess_surprisal_per_token", "excess_surprisal_per_token")
LOGPROBS = ("expert_logprob_per_token", "policy_logprob_per_token")
TOKENS = ("expert_tokens", "completion_tokens")
_CATEGORIES = ("stage", "source", "fallback_reason")
_NUMBERS = (
    "self_sampled", "self_correct", "guided_sampled", "guided_correct", "policy_logprob", "expert_logprob", "copy_rate",
    "hint_reliance", *EXCESS, *LOGPROBS, *TOKENS,
)  # fmt: skip


@dataclass(frozen=True)
class RowWeights:
    """Unit-denominator weights of a set of rows, before (expert text, D) and after (kept text, D′).

    Attributes:
        mean: of each row the geometric mean over tokens, (D, D′).
        product: of each row the product over tokens, (D, D′).
    """

    mean: tuple[Weights, Weights]
    product: tuple[Weights, Weights]


@dataclass(frozen=True)
class Gap:
    """How far texts are from the policy, nats a token: before (D), after (D′), and the change."""

    before: Mean
    after: Mean
    change: Mean


@dataclass(frozen=True)
class Drawn:
    """The candidates of one phase.

    Attributes:
        count: all of them.
        truncated: those that were cut off.
        verdicts: of the verifier, with counts.
        not_kept: why candidates may not be kept, with counts.
    """

    count: int
    truncated: int
    verdicts: dict[str, int]
    not_kept: dict[str, int]


@dataclass(frozen=True)
class Statistics:
    """Everything that the report shows but the examples. Log-probs in nats; stages without rows are left out of `rows`.

    Attributes:
        summary: `builder.release.summary.summarize`: Table 1, Table 3, rejected rows.
        per_token: each row's mean log-prob per token, series `expert` (D) and `kept` (D′).
        per_sequence: each row's sum of log-probs, the same series.
        gap: mean excess surprisal per token of D, of D′, and their difference; None if not measured.
        gap_by_logprob: the same of minus the log-prob.
        distinct: share of rows whose kept text no other row has.
        excess: each row's excess surprisal per token, the same series.
        hint_reliance: of the retellings that are kept, nats a token.
        change: kept minus expert mean log-prob per token, by stage that rewrites.
        less_likely: rows whose kept text is less likely per token than the expert's, by stage that rewrites.
        rows: unit-denominator weights of rows, by stage and for `all`.
        tokens: weights of the tokens of D′, and of its sequences with the stored denominator.
        log_ratios: log of the stored-denominator weight of each sequence of guided-alignment.
        correct: share of candidates that are correct, by phase: a mean over the rows that any was drawn for.
        pass_rates: rows by number (or share) of correct candidates, by phase.
        tokens_per_text: tokens of each text, series `expert` and `kept`.
        copy_rates: of the retellings that are kept.
        drawn: candidates, by phase.
        sources: rows of each source by stage, largest source first.
        source_fallback: rows of each source by fallback reason.
    """

    summary: dict[str, Any]
    per_token: Histogram
    per_sequence: Histogram
    gap: Gap | None
    gap_by_logprob: Gap | None
    distinct: float
    excess: Histogram
    hint_reliance: Histogram
    change: Histogram
    less_likely: dict[str, int]
    rows: dict[str, RowWeights]
    tokens: TokenWeights
    log_ratios: Histogram
    correct: dict[str, float]
    pass_rates: dict[str, dict[str, int]]
    tokens_per_text: Histogram
    copy_rates: Histogram
    drawn: dict[str, Drawn]
    sources: dict[str, dict[str, int]]
    source_fallback: dict[str, dict[str, int]]


def collect(release: Release, advance: Callable[[int], None] = lambda rows: None) -> Statistics:
    """Read a release through once.

    Args:
        release: to read.
        advance: is told how many rows were read since it was last told.

    Raises:
        InputError: it has no rows, or lacks a config.
    """
    import polars as pl

    columns = [*(pl.col(c).cast(pl.Categorical) for c in _CATEGORIES), *_NUMBERS]
    rows = with_all_columns(release.scan("default"), "default").select(columns).collect(engine="streaming")
    if rows.is_empty():
        raise InputError(f"release {release.name} has no rows: there is nothing to report")
    by_stage = {stage: rows.filter(pl.col("stage") == stage) for stage in STAGES}
    by_stage = {stage: part for stage, part in by_stage.items() if len(part)}
    changes = {
        stage: _array(part, "policy_logprob_per_token") - _array(part, "expert_logprob_per_token")
        for stage, part in by_stage.items()
        if stage != "fallback"
    }
    tokens = token_weights(release, advance)
    return Statistics(
        summary=summarize(release.path),
        per_token=_before_and_after(rows, *LOGPROBS),
        per_sequence=_before_and_after(rows, "expert_logprob", "policy_logprob"),
        gap=gap_between(rows, EXCESS, 1),
        gap_by_logprob=gap_between(rows, LOGPROBS, -1),
        distinct=_distinct(release),
        excess=_before_and_after(rows, *EXCESS),
        hint_reliance=histogram({"guided_alignment": _array(rows, "hint_reliance")}),
        change=histogram(changes),
        less_likely={stage: int((values < 0).sum()) for stage, values in changes.items()},
        rows={stage: _row_weights(part) for stage, part in {ALL: rows, **by_stage}.items()},
        tokens=tokens,
        log_ratios=histogram({"guided_alignment": tokens.log_ratios["guided_alignment"]}),
        correct=_correct(rows),
        pass_rates={
            phase: pass_rates(rows[f"{phase}_correct"].to_numpy(), rows[f"{phase}_sampled"].to_numpy())
            for phase in PHASES
        },
        tokens_per_text=_before_and_after(rows, *TOKENS, whole=True),
        copy_rates=histogram(
            {"guided_alignment": _array(rows.filter(pl.col("stage") == "guided_alignment"), "copy_rate")}, bins=25
        ),
        drawn=_drawn(release.scan("candidates")),
        sources=_by_source(rows, "stage"),
        source_fallback=_by_source(rows.filter(pl.col("stage") == "fallback"), "fallback_reason"),
    )


def _array(rows: "pl.DataFrame", column: str) -> Any:
    import numpy as np

    return rows[column].to_numpy().astype(np.float64)


def _before_and_after(rows: "pl.DataFrame", before: str, after: str, *, whole: bool = False) -> Histogram:
    return histogram({"expert": _array(rows, before), "kept": _array(rows, after)}, whole=whole)


def gap_between(
    rows: "pl.DataFrame", names: tuple[str, str], sign: int, lengths: tuple[str, str] = TOKENS
) -> Gap | None:
    """Means per token of two texts a row, and their difference.

    Args:
        rows: a text before and one after in each.
        names: columns with the value per token of each text, nats.
        sign: what to multiply it with.
        lengths: columns with the number of tokens of each text.

    Returns:
        Of all rows that have both values; None if there are none, or one is infinite.
    """
    import numpy as np

    known = rows.drop_nulls(names)
    if known.is_empty():
        return None
    tokens = [_array(known, name) for name in lengths]
    counted = [(sign * _array(known, name) * t, t) for name, t in zip(names, tokens, strict=True)]
    if not all(np.isfinite(sums).all() for sums, _ in counted):
        return None
    return Gap(Mean.of(*counted[0]), Mean.of(*counted[1]), Mean.of_change(*counted))


def _correct(rows: "pl.DataFrame") -> dict[str, float]:
    import polars as pl

    drawn = {phase: rows.filter(pl.col(f"{phase}_sampled") > 0) for phase in PHASES}
    return {
        phase: (part[f"{phase}_correct"] / part[f"{phase}_sampled"]).mean()
        for phase, part in drawn.items()
        if len(part)
    }


def _distinct(release: Release) -> float:
    import polars as pl

    texts = release.scan("default").select(pl.col("completion").list.first().struct.field("content").hash())
    (counted,) = texts.select(pl.all().is_unique().mean()).collect(engine="streaming").row(0)
    return counted


def _row_weights(rows: "pl.DataFrame") -> RowWeights:
    return RowWeights(
        mean=(describe(_array(rows, "expert_logprob_per_token")), describe(_array(rows, "policy_logprob_per_token"))),
        product=(describe(_array(rows, "expert_logprob")), describe(_array(rows, "policy_logprob"))),
    )


def _drawn(candidates: "pl.LazyFrame") -> dict[str, Drawn]:
    import polars as pl

    outcome = ("phase", "verdict", "finish_reason", "rejected_reason")
    found = candidates.group_by(outcome).agg(pl.len().alias("n")).collect(engine="streaming")
    return {
        phase: Drawn(
            count=part["n"].sum(),
            truncated=part.filter(pl.col("finish_reason") == "length")["n"].sum(),
            verdicts=_counts(part, "verdict"),
            not_kept=_counts(part.drop_nulls("rejected_reason"), "rejected_reason"),
        )
        for phase in PHASES
        if len(part := found.filter(pl.col("phase") == phase))
    }


def _counts(counted: "pl.DataFrame", column: str) -> dict[str, int]:
    import polars as pl

    totals = counted.group_by(column).agg(pl.col("n").sum()).sort("n", column, descending=[True, False])
    return dict(totals.iter_rows())


def _by_source(rows: "pl.DataFrame", column: str) -> dict[str, dict[str, int]]:
    import polars as pl

    counted = rows.group_by("source", column).agg(pl.len().alias("n"))
    counted = counted.with_columns(pl.col("n").sum().over("source").alias("rows"), pl.col("source").cast(pl.String))
    found: dict[str, dict[str, int]] = {}
    for source, value, n, _ in counted.sort(["rows", "source", "n"], descending=[True, False, True]).iter_rows():
        found.setdefault(source, {})[value] = n
    return found
