"""Write D′: the release of a finished build, a directory laid out exactly as the Hub repository will be.

Rows are joined with their tokens and log-probs from the journal here, streamed in batches, so that neither travels
through the pipeline. The directory appears completely or not at all (`builder.machine.atomic`).
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builder.building.provenance import provenance
from builder.building.tables import candidates_table, default_table, expert_table, tokens_table
from builder.building.workspace import Workspace
from builder.errors import MindTheGapError, UnfinishedError
from builder.journal.journal import Journal
from builder.policy.chat import Chat
from builder.release.files import BATCH, config_writer, finish
from builder.release.summary import summarize
from builder.reporting.static_plots import with_plots


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
    with workspace.replacement(output).filled() as scratch, Journal(workspace.journal_file) as journal:
        _write_rows(scratch, workspace, journal, chat)
        _write_rejected(scratch, workspace)
        content = provenance(workspace, journal, chat, summarize(scratch))
        return finish(scratch, with_plots(scratch, content))


def _write_rows(scratch: Path, workspace: Workspace, journal: Journal, chat: Chat) -> None:
    outcomes, whole = journal.outcomes(), workspace.settings().candidate_tokens
    with ExitStack() as stack:
        default, tokens, candidates, expert = (
            stack.enter_context(config_writer(scratch, config))
            for config in ("default", "tokens", "candidates", "expert")
        )
        for batch in _batches(workspace.rows_file):
            rows, of_rows = batch.to_pylist(), list(islice(outcomes, len(batch)))
            for row, outcome in zip_longest(rows, of_rows):
                if outcome is None or outcome.id != row["id"]:
                    raise UnfinishedError(f"row {row['id']} has no outcome; run the same command again")
            entries = journal.entries({key for outcome in of_rows for key in outcome.journal_keys()})
            tokens.add_table(tokens_table(rows, of_rows, entries, chat))
            default.add_table(default_table(rows, of_rows, entries, chat))
            candidates.add_table(candidates_table(of_rows, entries, chat, tokens=whole))
            expert.add_table(expert_table(of_rows if whole else [], entries))
        if (extra := next(outcomes, None)) is not None:
            raise MindTheGapError(f"row {extra.id} has an outcome but is not a row of the source")


def _write_rejected(scratch: Path, workspace: Workspace) -> None:
    with config_writer(scratch, "rejected") as writer:
        for batch in _batches(workspace.rejected_file):
            writer.add_table(pa.Table.from_batches([batch]))


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    # Buffered ahead, a file stays in memory as a whole until its last batch is read.
    return pq.ParquetFile(file, pre_buffer=False).iter_batches(BATCH)
