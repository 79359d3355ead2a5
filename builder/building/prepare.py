"""From sources to the rows that will be built: load, filter, check golds; every dropped row keeps its reason.

Rows pass through in source order, some thousand at a time, so that memory does not grow with the source.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, TypeVar

from builder.building.workspace import Workspace
from builder.config import Settings
from builder.errors import InputError
from builder.machine.atomic import new_file, write_atomically
from builder.policy.chat import Chat
from builder.release.parquet import TableWriter
from builder.release.records import PREPARED, REJECTED, schema
from builder.sources.benchmarks import benchmark_index
from builder.sources.contamination import BenchmarkIndex, Overlap
from builder.sources.filters import (
    contradiction,
    expert_verdicts,
    overlong,
    reject,
    unverifiable,
    with_right_experts,
)
from builder.sources.load import load
from builder.sources.rows import RejectedRow, SourceRow
from builder.texts.golds import answer_kind
from builder.verification.verdicts import Verdict
from builder.verification.verifier import Verifier

T = TypeVar("T")

_CHUNK = 2_000  # rows


def prepare(settings: Settings, chat: Chat, workspace: Workspace) -> int:
    """Write `rows.parquet`, `rejected.parquet` and `provenance.json` unless an earlier session has.

    Returns:
        How many rows will be built; a shard may have none.

    Raises:
        InputError: a source cannot be read, or nothing of it is left to build.
    """
    if (prepared := workspace.prepared_rows()) is not None:
        return prepared
    index = benchmark_index(settings.decontaminate)
    loaded = load(settings.sources, settings.limit, settings.seed, settings.shard, settings.near_duplicates)
    reasons: list[str] = []
    with (
        new_file(workspace.rows_file) as rows_file,  # appears last: its existence means that all three are complete
        new_file(workspace.rejected_file) as rejected_file,
    ):
        with (
            Verifier(deadline=settings.verifier_deadline, plugin=settings.verifier) as verifier,
            TableWriter(rows_file, schema(PREPARED)) as built,
            TableWriter(rejected_file, schema(REJECTED)) as dropped,
        ):
            for chunk in _chunks(loaded.rows):
                rows, rejected = _checked(chunk, settings, chat, verifier, index)
                built.add(rows)
                dropped.add(asdict(row) for row in rejected)
                reasons = sorted({*reasons, *(f"{row.reason}: {row.detail}" for row in rejected)})[:3]
            if not built.rows and not settings.shard:
                raise InputError(f"no row of {settings.sources[0].name} is left to build ({', '.join(reasons)})")
        write_atomically(workspace.provenance_file, json.dumps(loaded.provenance, indent=2))
    return built.rows


def _chunks(rows: Iterator[T]) -> Iterator[list[T]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _checked(
    chunk: Iterable[SourceRow | RejectedRow],
    settings: Settings,
    chat: Chat,
    verifier: Verifier,
    index: BenchmarkIndex,
) -> tuple[list[dict[str, Any]], list[RejectedRow]]:
    """The rows of a chunk that will be built, with the columns of `PREPARED`, and the others; both in source order."""
    rejected = [row for row in chunk if isinstance(row, RejectedRow)]
    rows = with_right_experts([row for row in chunk if isinstance(row, SourceRow)], verifier.judge)
    rows, control = _without_control_tokens(rows, chat)
    prompts = chat.plain_prompts([row.problem for row in rows])
    completions = chat.completions([row.expert_solution for row in rows])
    expert_tokens = {row.id: len(ids) for row, ids in zip(rows, completions, strict=True)}
    total = {row.id: len(ids) + expert_tokens[row.id] for row, ids in zip(rows, prompts, strict=True)}
    rows, long = overlong(rows, lambda row: total[row.id], settings.target.max_length)
    without_gold = unverifiable(rows, verifier.unusable)
    verdicts = expert_verdicts(rows, without_gold, verifier.judge)
    overlaps = {row.id: index.overlap(row.problem) for row in rows}
    unwanted = _unwanted(rows, settings, without_gold, verdicts, overlaps)
    rejected += [*control, *long, *unwanted.values()]
    built = [
        asdict(row)
        | {
            "gold": row.gold or "",
            "answer_kind": answer_kind(row.gold, row.problem),
            "verifiable": row.id not in without_gold,
            "expert_verdict": verdicts.get(row.id),
            "benchmark_overlap": overlaps[row.id].share if len(index) else None,
            "expert_tokens": expert_tokens[row.id],
        }
        for row in rows
        if row.id not in unwanted
    ]
    return built, sorted(rejected, key=lambda row: row.row)


def _unwanted(
    rows: Sequence[SourceRow],
    settings: Settings,
    without_gold: Mapping[str, str],
    verdicts: Mapping[str, Verdict],
    overlaps: Mapping[str, Overlap],
) -> dict[str, RejectedRow]:
    """The rows, by id, that could be built but that the settings leave out."""
    found = {}
    for row in rows:
        if overlaps[row.id].is_contamination:
            found[row.id] = reject(row, "contaminated", f"the problem has {overlaps[row.id]}")
        elif settings.drop_unverifiable and row.id in without_gold:
            found[row.id] = reject(row, "no_gold", without_gold[row.id])
        elif settings.drop_contradicted and verdicts.get(row.id) == "incorrect":
            found[row.id] = reject(row, "contradicted", contradiction(row))
    return found


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
