"""What a finished build of a few rows has measured."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import polars as pl

from builder.building.workspace import Workspace
from builder.diagnosis.forecast import Counts, Seen
from builder.diagnosis.foreignness import Text
from builder.errors import InputError
from builder.journal.journal import Journal
from builder.release.open import Release

_BATCH = 500  # rows


def expert_texts(release: Release, workspace: Workspace) -> list[Text]:
    """The expert's solutions, token by token, which only the journal has.

    Raises:
        InputError: the journal is gone, or has no entropies.
    """
    if not workspace.journal_file.exists():
        raise InputError(f"{workspace.root} is gone, which the diagnosis needs; --fresh makes it again")
    found = []
    with Journal(workspace.journal_file) as journal:
        origins = dict(release.scan("default").select("id", "origin").collect().iter_rows())
        outcomes = journal.outcomes()
        while some := list(islice(outcomes, _BATCH)):
            keys = [(bytes.fromhex(o.texts.expert), bytes.fromhex(o.texts.expert_entropies or "")) for o in some]
            entries = journal.entries({key for pair in keys for key in pair})
            for outcome, (text, entropies) in zip(some, keys, strict=True):
                if entropies not in entries:
                    raise InputError(f"{workspace.root} was built with --no-entropies, which the diagnosis needs")
                logprobs = entries[text].logprobs.astype(np.float64)
                entropy, bound = entries[entropies].entropies(len(logprobs))
                found.append(Text(origins[outcome.id], -logprobs - entropy, float(bound.sum())))
    return found


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
