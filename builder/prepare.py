"""From sources to the rows that will be built: load, filter, check golds; every dropped row keeps its reason."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.chat import Chat
from builder.config import Settings
from builder.errors import InputError
from builder.records import PREPARED, REJECTED, schema
from builder.sources.filters import overlong, reject, unverifiable
from builder.sources.load import load
from builder.sources.rows import RejectedRow, SourceRow
from builder.verifier import Verifier
from builder.workspace import Workspace, write_atomically

if TYPE_CHECKING:
    import pyarrow as pa


def prepare(settings: Settings, chat: Chat, workspace: Workspace) -> int:
    """Write `rows.parquet`, `rejected.parquet` and `provenance.json` unless an earlier session has.

    Returns:
        How many rows will be built; a shard may have none.

    Raises:
        InputError: a source cannot be read, or nothing of it is left to build.
    """
    if (prepared := workspace.prepared_rows()) is not None:
        return prepared
    loaded = load(settings.sources, settings.limit, settings.seed, settings.shard)
    rows, control = _without_control_tokens(loaded.rows, chat)
    lengths: dict[str, int] = {}

    def tokens(row: SourceRow) -> int:
        lengths[row.id] = len(chat.completion(row.expert_solution))
        return len(chat.plain_prompt(row.problem)) + lengths[row.id]

    rows, long = overlong(rows, tokens, settings.target.max_length)
    with Verifier(deadline=settings.verifier_deadline) as verifier:
        without_gold = unverifiable(rows, verifier.parseable)
    rejected = [*loaded.rejected, *control, *long]
    if settings.drop_unverifiable:
        rejected += [
            reject(row, "no_gold", "no gold answer that the verifier can parse")
            for row in rows
            if row.id in without_gold
        ]
        rows = [row for row in rows if row.id not in without_gold]
    if not rows and not settings.shard:
        reasons = ", ".join(sorted({f"{r.reason}: {r.detail}" for r in rejected})[:3])
        raise InputError(f"no row of {settings.sources[0].name} is left to build ({reasons})")

    built = [
        asdict(row)
        | {"gold": row.gold or "", "verifiable": row.id not in without_gold, "expert_tokens": lengths[row.id]}
        for row in rows
    ]
    rejected.sort(key=lambda row: row.row)
    write_atomically(workspace.provenance_file, json.dumps(loaded.provenance, indent=2))
    _write(workspace.rejected_file, [asdict(row) for row in rejected], schema(REJECTED))
    _write(workspace.rows_file, built, schema(PREPARED))  # last: its existence means that all three are complete
    return len(rows)


def _without_control_tokens(rows: Sequence[SourceRow], chat: Chat) -> tuple[list[SourceRow], list[RejectedRow]]:
    """Leave out rows that spell out a control token, which the tokenizer would read as the token itself."""
    kept, rejected = [], []
    for row in rows:
        fields = {"problem": row.problem, "expert_solution": row.expert_solution}
        found = {name: chat.control_token_in(text) for name, text in fields.items()}
        if faults := [f"{name} contains the control token {token}" for name, token in found.items() if token]:
            rejected.append(reject(row, "malformed", "; ".join(faults)))
        else:
            kept.append(row)
    return kept, rejected


def _write(file: Path, rows: list[dict[str, Any]], arrow_schema: "pa.Schema") -> None:
    """Write a Parquet file completely or not at all; fields that the schema lacks are left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    scratch = file.with_name(file.name + ".tmp")
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema), scratch)
    os.replace(scratch, file)
