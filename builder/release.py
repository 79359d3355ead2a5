"""Write D′: a directory laid out exactly as the Hub repository will be, completely or not at all.

Rows are joined with their tokens and log-probs from the journal here, streamed in batches, so that neither travels
through the pipeline. The manifest is written last within the directory, and the directory appears under its name by
one rename: where there is a `manifest.json`, the release is complete.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builder.card import render_card
from builder.chat import Chat
from builder.errors import MindTheGapError, UnfinishedError
from builder.journal import Journal
from builder.manifest import NAME, facts, file_facts, manifest
from builder.records import CONFIGS, schema
from builder.rules import copy_rate
from builder.summary import summarize
from builder.workspace import Workspace

_BATCH = 500  # rows
_ROW_GROUP = 10_000  # rows


def write_release(output: Path, workspace: Workspace, chat: Chat) -> dict[str, Any]:
    """Write the release of a finished build and return its manifest.

    Args:
        output: where the release appears; an earlier release there is replaced.
        workspace: the build's working directory.
        chat: the target's template and tokenizer.

    Raises:
        UnfinishedError: a source row has no outcome.
        MindTheGapError: what was built breaks a promise of the release; nothing is written.
    """
    scratch = workspace.new_release
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    with Journal(workspace.journal_file) as journal:
        _write_rows(scratch, workspace, journal, chat)
        _write_rejected(scratch, workspace)
        content = manifest(workspace, journal, chat, summarize(scratch))
    content["plots"] = _plots(scratch, content)
    content["files"] = file_facts(scratch)
    card = scratch / "README.md"
    card.write_text(render_card(content), encoding="utf-8")
    content["files"][card.name] = facts(card)
    (scratch / NAME).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _sync(scratch)
    _swap(scratch, output, workspace.old_release)
    return content


def settle(output: Path, workspace: Workspace) -> None:
    """Complete the swap that a kill cut in two: the earlier release was out of the way, the new one not yet there.

    Raises:
        InputError: another build is using the working directory.
    """
    if not output.exists() and workspace.old_release.exists() and (workspace.new_release / NAME).exists():
        with workspace.locked(fresh=False):
            _swap(workspace.new_release, output, workspace.old_release)


def data_file(release: Path, config: str) -> Path:
    """The Parquet file of a config."""
    return release / "data" / config / "train-00000.parquet"


def _write_rows(scratch: Path, workspace: Workspace, journal: Journal, chat: Chat) -> None:
    writers = {name: _Writer(scratch, name) for name in ("default", "tokens", "candidates")}
    outcomes = journal.outcomes()
    try:
        for row in _rows(workspace.rows_file):
            outcome = next(outcomes, None)
            if outcome is None or outcome["id"] != row["id"]:
                raise UnfinishedError(f"row {row['id']} has no outcome; run the same command again")
            tokens = _tokens(row, outcome, journal, chat)
            writers["tokens"].add(tokens)
            writers["default"].add(_default(row, outcome, tokens, journal, chat))
            for candidate in _candidates(outcome, journal, chat):
                writers["candidates"].add(candidate)
        if (extra := next(outcomes, None)) is not None:
            raise MindTheGapError(f"row {extra['id']} has an outcome but is not a row of the source")
    finally:
        for writer in writers.values():
            writer.close()


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    for batch in pq.ParquetFile(file, pre_buffer=False).iter_batches(_BATCH):
        yield from batch.to_pylist()


def _tokens(row: dict, outcome: dict, journal: Journal, chat: Chat) -> dict[str, Any]:
    kept = journal.get(bytes.fromhex(outcome["policy_key"]))
    behavior = None
    if outcome["behavior_key"]:
        behavior = journal.get(bytes.fromhex(outcome["behavior_key"])).logprobs
    lengths = {len(kept.token_ids), len(kept.logprobs)} | ({len(behavior)} if behavior else set())
    if len(lengths) != 1 or kept.token_ids[-1] != chat.end_of_turn_id:
        raise MindTheGapError(f"row {row['id']}: tokens and log-probs do not align (lengths {lengths})")
    return {
        "id": row["id"],
        "prompt_ids": chat.plain_prompt(row["problem"]),
        "completion_ids": kept.token_ids,
        "policy_logprobs": kept.logprobs,
        "behavior_logprobs": behavior,
    }


def _candidates(outcome: dict, journal: Journal, chat: Chat) -> Iterator[dict[str, Any]]:
    for phase in ("self", "guided"):
        for candidate in outcome[phase]:
            completion = journal.get(bytes.fromhex(candidate["key"]))
            yield {
                "id": outcome["id"],
                "phase": phase,
                "index": candidate["index"],
                "text": chat.text(completion.token_ids),
                "verdict": candidate["verdict"],
                "finish_reason": completion.finish_reason,
                "tokens": len(completion.token_ids),
                "logprob": sum(completion.logprobs),
                "rejected_reason": candidate["rejected_reason"],
            }


def _default(row: dict, outcome: dict, tokens: dict, journal: Journal, chat: Chat) -> dict[str, Any]:
    fallback = outcome["stage"] == "fallback"
    text = row["expert_solution"] if fallback else chat.text(tokens["completion_ids"])
    expert = journal.get(bytes.fromhex(outcome["expert_key"])).logprobs
    policy = tokens["policy_logprobs"]
    return {
        "id": row["id"],
        "source": row["source"],
        "problem": row["problem"],
        "answer": row["gold"] or None,
        "prompt": chat.messages(row["problem"]),
        "completion": [{"role": "assistant", "content": text}],
        "stage": outcome["stage"],
        "fallback_reason": outcome["fallback_reason"],
        **outcome["pass_rates"],
        "selected_index": None if fallback else outcome["kept"],
        "finish_reason": None if fallback else "stop",
        "completion_tokens": len(policy),
        "policy_logprob": sum(policy),
        "policy_logprob_per_token": sum(policy) / len(policy),
        "expert_solution": row["expert_solution"],
        "expert_tokens": len(expert),
        "expert_logprob": sum(expert),
        "expert_logprob_per_token": sum(expert) / len(expert),
        "copy_rate": copy_rate(text, row["expert_solution"]),
    }


def _write_rejected(scratch: Path, workspace: Workspace) -> None:
    writer = _Writer(scratch, "rejected")
    try:
        for row in _rows(workspace.rejected_file):
            writer.add(row)
    finally:
        writer.close()


def _plots(scratch: Path, content: dict[str, Any]) -> list[dict[str, str]]:
    """Draw the main plots for the card; returns file, title and caption of each."""
    from builder.releases import Release
    from builder.reporting.static_plots import write_plots
    from builder.reporting.statistics import collect

    release = Release(scratch.name, scratch, None, content)
    plots = write_plots(release, collect(release), scratch / "plots")
    return [{"file": f"plots/{plot.file.name}", "title": plot.title, "caption": plot.caption} for plot in plots]


class _Writer:
    """Streams rows into one config's Parquet file; a file without rows still has its schema."""

    def __init__(self, release: Path, config: str) -> None:
        self._schema = schema(CONFIGS[config])
        file = data_file(release, config)
        file.parent.mkdir(parents=True)
        # Content-defined chunks: a revised version of D′ uploads only what changed. They find back to the same cuts
        # behind a changed row, but not across row groups, which are therefore many chunks long.
        self._writer = pq.ParquetWriter(
            file, self._schema, compression="zstd", use_content_defined_chunking=True, write_page_index=True
        )
        self._rows: list[dict[str, Any]] = []
        self._group: list[pa.Table] = []

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= _BATCH:
            self._convert()
            if sum(map(len, self._group)) >= _ROW_GROUP:
                self._flush()

    def close(self) -> None:
        self._convert()
        self._flush()
        self._writer.close()

    def _convert(self) -> None:
        if self._rows:
            self._group.append(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []

    def _flush(self) -> None:
        if self._group:
            self._writer.write_table(pa.concat_tables(self._group))
            self._group = []


def _sync(directory: Path) -> None:
    """Make sure that a release whose name is on disk is there itself, even if the power fails."""
    for path in [*directory.rglob("*"), directory]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(new: Path, output: Path, old: Path) -> None:
    """Put the new release in the place of the earlier one; killed in between, `settle` completes it."""
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(output, old)
    os.rename(new, output)
    shutil.rmtree(old, ignore_errors=True)
