"""The rows that a reader can look into: a seeded random sample of a release, and what is worth looking at first."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from builder.method.selection import derive_seed
from builder.release.open import Release
from builder.release.training_rows import problem_id
from builder.reporting.numbers import finite
from builder.reporting.remarkable import remarkable


@dataclass(frozen=True)
class Examples:
    """Rows to show.

    Attributes:
        rows: in the order of the release.
        total: rows of the release that they were drawn from.
        tokens: whether tokens of texts are among them.
    """

    rows: list[dict[str, Any]]
    total: int
    tokens: bool = False


def draw(release: Release, most: int, seed: int) -> Examples:
    """Draw at most `most` rows, see `sample`; the remarkable rows come with them, if there are any at all."""
    import polars as pl

    ids = release.scan("default").select("id").collect()["id"]
    reasons = remarkable(release) if most else {}
    chosen = {*sample(ids, most, seed), *reasons}
    rows = release.scan("default").filter(pl.col("id").is_in(chosen)).collect(engine="streaming").to_dicts()
    texts = release.scan("candidates").select(pl.exclude(pl.List(pl.Int32), pl.List(pl.Float32)))
    drawn_for = {row: problem_id(row, release) for row in chosen}
    found = texts.filter(pl.col("id").is_in(set(drawn_for.values()))).collect(engine="streaming")
    of_row: dict[str, list[dict[str, Any]]] = {}
    for candidate in found.sort("id", pl.col("phase") == "guided", "index").to_dicts():
        of_row.setdefault(candidate.pop("id"), []).append(candidate)
    drawn = ([dict(c) for c in of_row.get(drawn_for[row["id"]], [])] for row in rows)
    shown = [_example(row, reasons.get(row["id"], []), some) for row, some in zip(rows, drawn, strict=True)]
    return Examples(shown, len(ids), _with_tokens(release, shown, drawn_for))


def _with_tokens(release: Release, shown: list[dict[str, Any]], drawn_for: dict[str, str]) -> bool:
    """Add the tokens of their texts to the rows that are shown, if they are known; returns whether they are."""
    from builder.reporting.tokens import tokens_of

    kept = {row["id"]: row["kept"]["text"] for row in shown}
    found = tokens_of(release, kept, {drawn_for[row["id"]]: row["expert"]["text"] for row in shown})
    for row in shown:
        row["kept"]["parts"] = found.get("kept", {}).get(row["id"])
        same = row["kept"]["parts"] if row["stage"] == "fallback" else None
        row["expert"]["parts"] = found.get("expert", {}).get(drawn_for[row["id"]], same)
    return bool(found)


def sample(ids: Iterable[str], most: int, seed: int) -> list[str]:
    """At most so many ids, uniformly; which ones is a function of (seed, id), whatever their order."""
    return heapq.nsmallest(most, ids, key=lambda row: (derive_seed(seed, row, "example"), row))


def _example(row: dict[str, Any], reasons: list[str], candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page needs of a row; a log-prob that is no number for JSON becomes null."""
    phase = row["stage"].removesuffix("_alignment")
    for candidate in candidates:
        candidate["kept"] = (candidate["phase"], candidate["index"]) == (phase, row["selected_index"])
        candidate["logprob"] = finite(candidate["logprob"])
    return {
        "id": row["id"],
        "reasons": reasons,
        "source": row["source"],
        "origin": row.get("origin"),
        "expert_verdict": row.get("expert_verdict"),
        "stage": row["stage"],
        "fallback_reason": row["fallback_reason"],
        "problem": row["problem"],
        "answer": row["answer"],
        "passed": {p: [row[f"{p}_correct"], row[f"{p}_sampled"]] for p in ("self", "guided")},
        "copy_rate": row["copy_rate"],
        "expert": described(row["expert_solution"], row["expert_tokens"], row["expert_logprob"]),
        "kept": kept_text(row),
        "candidates": candidates,
    }


def kept_text(row: dict[str, Any]) -> dict[str, Any]:
    """What the page needs of the text that a row of `default` keeps."""
    return described(row["completion"][0]["content"], row["completion_tokens"], row["policy_logprob"])


def described(text: str, tokens: int, logprob: float) -> dict[str, Any]:
    """What the page needs of a text."""
    return {"text": text, "tokens": tokens, "logprob": finite(logprob)}
