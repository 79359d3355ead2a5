"""What a release of a few rows has measured."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from builder.diagnosis.forecast import Counts, Seen
from builder.diagnosis.foreignness import Text
from builder.errors import InputError
from builder.release.open import Release


def expert_texts(release: Release) -> list[Text]:
    """The expert's solutions, token by token.

    Raises:
        InputError: their entropies were not measured, or they were not kept.
    """
    columns = ("id", "policy_logprobs", "policy_entropies", "entropy_bound")
    expert = release.scan("expert").select(columns).drop_nulls().collect()
    origins = dict(release.scan("default").select("id", "origin").collect().iter_rows())
    if len(expert) < len(origins):
        raise InputError(f"release {release.name} lacks the policy's entropies of expert solutions; build it again")
    return [
        Text(origins[row], -np.array(logprobs) - np.array(entropies), bound * len(logprobs))
        for row, logprobs, entropies, bound in expert.iter_rows()
    ]


def seen(release: Release) -> Seen:
    """What came of the rows."""
    default = release.scan("default").select("id", "expert_tokens", "completion_tokens").collect()
    candidates = release.scan("candidates").select("id", "phase", "tokens", "rejected_reason").collect()
    own, own_tokens = _phase(candidates, "self")
    retold, retold_tokens = _phase(candidates, "guided")
    cost: Mapping[str, Any] = release.manifest["cost"]
    texts = cost["scored_tokens"] / len(default)
    return Seen(
        len(default), own, retold, own_tokens, retold_tokens, texts, cost["seconds"] / max(cost["sampled_tokens"], 1)
    )


def _phase(candidates: pl.DataFrame, phase: str) -> tuple[Counts, float]:
    """Candidates of each row that may be kept and that were drawn, and their mean tokens."""
    part = candidates.filter(pl.col("phase") == phase)
    rows = part.group_by("id", maintain_order=True).agg(pl.col("rejected_reason").null_count().alias("kept"), pl.len())
    return [(kept, drawn) for _, kept, drawn in rows.iter_rows()], float(part["tokens"].mean() or 0)
