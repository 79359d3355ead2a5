"""Write D′: a directory laid out exactly as the Hub repository will be, completely or not at all.

Rows are joined with their tokens and log-probs from the journal here, streamed in batches, so that neither travels
through the pipeline. The manifest is written last within the directory, and the directory appears under its name by
one rename: where there is a `manifest.json`, the release is complete.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builder.card import render_card
from builder.chat import Chat
from builder.errors import MindTheGapError, UnfinishedError
from builder.journal import Journal
from builder.manifest import NAME, facts, file_facts, manifest
from builder.release_files import ConfigWriter
from builder.release_tables import candidates_table, default_table, keys_of, tokens_table
from builder.summary import summarize
from builder.workspace import Workspace

_BATCH = 250  # rows, with all their candidates


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


def _write_rows(scratch: Path, workspace: Workspace, journal: Journal, chat: Chat) -> None:
    outcomes = journal.outcomes()
    with ExitStack() as stack:
        default, tokens, candidates = (
            stack.enter_context(ConfigWriter(scratch, config)) for config in ("default", "tokens", "candidates")
        )
        for batch in _batches(workspace.rows_file):
            rows, of_rows = batch.to_pylist(), list(islice(outcomes, len(batch)))
            for row, outcome in zip_longest(rows, of_rows):
                if outcome is None or outcome["id"] != row["id"]:
                    raise UnfinishedError(f"row {row['id']} has no outcome; run the same command again")
            entries = journal.entries({key for outcome in of_rows for key in keys_of(outcome)})
            tokens.add(tokens_table(rows, of_rows, entries, chat))
            default.add(default_table(rows, of_rows, entries, chat))
            candidates.add(candidates_table(of_rows, entries, chat))
        if (extra := next(outcomes, None)) is not None:
            raise MindTheGapError(f"row {extra['id']} has an outcome but is not a row of the source")


def _write_rejected(scratch: Path, workspace: Workspace) -> None:
    with ConfigWriter(scratch, "rejected") as writer:
        for batch in _batches(workspace.rejected_file):
            writer.add(pa.Table.from_batches([batch]))


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    # Buffered ahead, a file stays in memory as a whole until its last batch is read.
    return pq.ParquetFile(file, pre_buffer=False).iter_batches(_BATCH)


def _plots(scratch: Path, content: dict[str, Any]) -> list[dict[str, str]]:
    """Draw the main plots for the card; returns file, title and caption of each."""
    from builder.releases import Release
    from builder.reporting.static_plots import write_plots
    from builder.reporting.statistics import collect

    release = Release(scratch.name, scratch, None, content)
    plots = write_plots(release, collect(release), scratch / "plots")
    return [{"file": f"plots/{plot.file.name}", "title": plot.title, "caption": plot.caption} for plot in plots]


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
