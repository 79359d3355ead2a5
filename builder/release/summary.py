"""What a build amounts to: the paper's Table 1 and Table 3 for one release, for a person and for a machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.machine.display import from_here, plain_table
from builder.release.excerpts import excerpts
from builder.release.open import with_all_columns
from builder.release.origins import origins
from builder.release.pass_rates import ADAPTIVE_SHARE, is_adaptive
from builder.release.records import STAGES

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console


def summarize(release: Path) -> dict[str, Any]:
    """Statistics of a release, computed from its Parquet files.

    Returns:
        `stages`: rows by stage and all together (Table 1); `logprobs`: for every stage with rows and for `all`,
        the mean over rows of the log-prob of expert and kept text, per sequence (sum over tokens, nats: Table 3)
        and per token (nats); their excess surprisal per token, over all tokens and not over rows, so that it is 0 in
        expectation for what the policy draws, and the mean bound on its error (None if not measured);
        `fallback_reasons`, `rejected`, `verdicts`, `truncated`, `candidates`; `expert_texts`, rows of config `expert`;
        `answer_forms` of the rows that the
        policy wrote and `candidate_answer_forms` of all candidates (`none`: no answer); `answer_kinds`;
        `expert_verdicts`; `expert_false_steps`: rows whose expert solution has one; `origins`, see
        `builder.release.origins`; `excerpts`, a row of each stage; `reused`: rows whose text an earlier checkpoint
        drew.
    """
    import polars as pl

    def scan(config: str) -> pl.LazyFrame:
        return with_all_columns(pl.scan_parquet(release / "data" / config / "*.parquet"), config)

    rows, candidates = scan("default"), scan("candidates")
    means = [
        pl.len().alias("rows"),
        pl.col("expert_logprob").mean().alias("expert_sum"),
        pl.col("policy_logprob").mean().alias("kept_sum"),
        pl.col("expert_logprob_per_token").mean().alias("expert_per_token"),
        pl.col("policy_logprob_per_token").mean().alias("kept_per_token"),
        _per_token("expert_excess_surprisal", "expert_tokens").alias("expert_excess"),
        _per_token("excess_surprisal", "completion_tokens").alias("kept_excess"),
        pl.col("entropy_bound").mean().alias("entropy_bound"),
    ]
    by_stage = rows.group_by("stage").agg(means).collect(engine="streaming")
    of_stage = {row.pop("stage"): row for row in by_stage.to_dicts()}
    of_all = rows.select(means).collect(engine="streaming").to_dicts()[0]
    sampled = candidates.select(
        pl.len().alias("candidates"), (pl.col("finish_reason") == "length").sum().alias("truncated")
    ).collect(engine="streaming")
    return {
        "stages": {stage: of_stage.get(stage, {}).get("rows", 0) for stage in STAGES} | {"all": of_all["rows"]},
        "logprobs": {
            stage: {k: v for k, v in row.items() if k != "rows"}
            for stage, row in [*((s, of_stage[s]) for s in STAGES if s in of_stage), ("all", of_all)]
        },
        "fallback_reasons": _counts(rows.filter(pl.col("stage") == "fallback"), "fallback_reason"),
        "rejected": _counts(scan("rejected"), "reason"),
        "verdicts": _counts(candidates, "verdict"),
        "rejected_candidates": _counts(candidates.drop_nulls("rejected_reason"), "rejected_reason"),
        **sampled.to_dicts()[0],
        "expert_texts": sum(map(_rows, sorted((release / "data" / "expert").glob("*.parquet")))),
        "answer_forms": _counts(rows.filter(pl.col("stage") != "fallback").drop_nulls("answer_form"), "answer_form"),
        "candidate_answer_forms": _counts(
            candidates.with_columns(pl.col("answer_form").fill_null("none")), "answer_form"
        ),
        "reused": rows.select(pl.col("origin_revision").is_not_null().sum()).collect(engine="streaming").item(),
        "answer_kinds": _counts(rows.drop_nulls("answer_kind"), "answer_kind"),
        "expert_verdicts": _counts(rows.drop_nulls("expert_verdict"), "expert_verdict"),
        "expert_false_steps": rows.select((pl.col("expert_false_steps") > 0).sum()).collect(engine="streaming").item(),
        "origins": origins(rows),
        "excerpts": excerpts(rows),
    }


def _rows(file: Path) -> int:
    import pyarrow.parquet as pq

    return pq.read_metadata(file).num_rows


def _per_token(total: str, tokens: str) -> "pl.Expr":
    """A sum over the tokens of rows, by token; null where no row has it."""
    import polars as pl

    known = pl.col(total).is_not_null()
    return pl.when(known.any()).then(pl.col(total).sum() / pl.col(tokens).filter(known).sum())


def rows_by_config(summary: dict[str, Any]) -> dict[str, int]:
    """Rows of every config of a release, from its summary."""
    rows = summary["stages"]["all"]
    rejected = sum(summary["rejected"].values())
    return {
        "default": rows,
        "tokens": rows,
        "candidates": summary["candidates"],
        "expert": summary.get("expert_texts", 0),  # a release of an earlier version has none
        "rejected": rejected,
    }


def _counts(frame: Any, column: str) -> dict[str, int]:
    import polars as pl

    counted = frame.group_by(column).agg(pl.len().alias("n")).sort("n", column, descending=[True, False])
    return dict(counted.collect(engine="streaming").iter_rows())


def print_summary(console: "Console", manifest: dict[str, Any], release: Path) -> None:
    """Print Table 1 and Table 3 of a release, what became of each origin, and where the release is."""
    summary, rows = manifest["summary"], manifest["summary"]["stages"]["all"]

    counts = plain_table("stage", "rows", "share")
    for stage, number in summary["stages"].items():
        label = f"{stage} (judged)" if stage in STAGES[:2] and _opinion(manifest) else stage
        counts.add_row(label, f"{number:,}", f"{number / rows:.1%}" if rows else "-")
    excess = plain_table("stage", "expert", "kept")
    gap = plain_table("stage", "expert, sum", "kept, sum", "expert, per token", "kept, per token")
    for stage, means in summary["logprobs"].items():
        values = (means[k] for k in ("expert_sum", "kept_sum", "expert_per_token", "kept_per_token"))
        gap.add_row(stage, *("-" if v is None else f"{v:,.3f}" for v in values))
        excess.add_row(stage, *(_signed(means.get(key)) for key in ("expert_excess", "kept_excess")))
    tables = {"Rows by stage (the paper's Table 1)": counts}
    if (bound := summary["logprobs"]["all"].get("entropy_bound")) is not None:
        error = f"; off by at most {bound:.2f}" if bound else ""
        tables[f"Mean excess surprisal, nats a token: 0 for what the policy itself writes{error}"] = excess
    tables["Mean log-prob under the target policy, nats (the paper's Table 3)"] = gap
    if len(found := summary.get("origins", {})) > 1:
        adaptive = is_adaptive(manifest)
        by_origin = plain_table("origin", "rows", *STAGES, "own answers correct" if adaptive else "own pass rate")
        for cells in _origin_rows(found):
            by_origin.add_row(*cells)
        tables["Rows by origin" + (" (sampling was adaptive: no pass rates)" if adaptive else "")] = by_origin
    for title, content in tables.items():
        console.print(f"\n[bold]{title}[/bold]", highlight=False)
        console.print(content)
    console.print()
    for label, content in _facts(manifest):
        console.print(f"{label:<12}{content}", highlight=False, soft_wrap=True)
    console.print(f"{'release':<12}{release}", highlight=False, soft_wrap=True)
    here = from_here(release)
    for label, module in (("look at it", "builder.report"), ("train on it", "trainers.dft --dataset")):
        console.print(f"{label:<12}python -m {module} {here}", highlight=False, soft_wrap=True)


def _opinion(manifest: dict[str, Any]) -> str:
    judge = manifest["verifier"].get("judged_by")
    return f"; judged by {judge}, not verified" if judge else ""


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"


def _origin_rows(origins: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    from rich.markup import escape

    for origin, found in origins.items():
        stages = (f"{found['stages'].get(stage, 0):,}" for stage in STAGES)
        rate = found["self_correct_share"]
        yield escape(origin), f"{found['rows']:,}", *stages, "-" if rate is None else f"{rate:.1%}"


def _facts(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    summary, cost = manifest["summary"], manifest["cost"]

    def listing(counts: dict[str, int]) -> str:
        return ", ".join(f"{name} {number:,}" for name, number in counts.items()) or "none"

    checked = {
        "answers": summary.get("answer_forms"),
        "asked for": summary.get("answer_kinds"),
        "expert": summary.get("expert_verdicts"),
    }
    if false := summary.get("expert_false_steps"):
        checked["expert"] = {**(checked["expert"] or {}), "with a false step": false}
    if manifest.get("settings", {}).get("realign"):
        anew = summary["stages"]["all"] - summary["reused"]
        checked["realigned"] = {"reused": summary["reused"], "anew": anew}
    if interim := manifest.get("interim"):
        checked["interim"] = {"finished": interim["finished"], "unfinished and not in it": interim["unfinished"]}
    rate = cost["sampled_tokens"] / cost["seconds"] if cost["seconds"] else 0
    return [
        ("target", f"{manifest['target']['model']} at {manifest['target']['revision']}"),
        ("candidates", f"{summary['candidates']:,} ({summary['truncated']:,} truncated)"
                       + (f"; {ADAPTIVE_SHARE}" if is_adaptive(manifest) else "")),
        ("verdicts", listing(summary["verdicts"]) + _opinion(manifest)),
        ("not kept", listing(summary["rejected_candidates"])),
        *((label, listing(counts)) for label, counts in checked.items() if counts),
        ("fallback", listing(summary["fallback_reasons"])),
        ("rejected", f"{sum(summary['rejected'].values()):,} rows ({listing(summary['rejected'])})"),
        ("tokens", f"{cost['sampled_tokens']:,} sampled, {cost['scored_tokens']:,} scored"),
        ("time", f"{cost['seconds']:,.0f} s in {cost['sessions']} session(s), {rate:,.0f} sampled tokens/s"),
    ]  # fmt: skip
