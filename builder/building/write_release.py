"""Write D′: the release of a finished build, a directory laid out exactly as the Hub repository will be.

Rows are joined with their tokens and log-probs from the journal here, streamed in batches, so that neither travels
through the pipeline. The directory appears completely or not at all (`builder.machine.atomic`).
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builder.building.provenance import provenance
from builder.building.tables import candidates_table, default_table, expert_table, tokens_table
from builder.building.workspace import Workspace, refuse_other_texts
from builder.config import Settings
from builder.errors import InputError, MindTheGapError, UnfinishedError
from builder.journal.journal import Journal
from builder.machine.atomic import Replacement
from builder.method.outcome import Outcome
from builder.policy.chat import Chat
from builder.policy.models import Model
from builder.release.files import BATCH, config_writer, finish
from builder.release.manifest import read_manifest
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
    with Journal(workspace.journal_file) as journal:
        left_out = LeftOut(journal.refusals.given_up())
        return _write(workspace.replacement(output), workspace, journal, chat, left_out)


def release_now(settings: Settings, model: Model, workspace: Workspace, output: Path) -> tuple[dict[str, Any], Path]:
    """Write an interim release of a build beside where its own will be; returns manifest and place.

    Args:
        settings: of the command; those of the judgement have to be the build's, too.
        model: the target's files.
        workspace: of the build, which may go on meanwhile.
        output: where its release will be.

    Raises:
        InputError: there is no such build, or something else is in the place.
        UnfinishedError: no row is finished.
        MindTheGapError: as `write_release`.
    """
    place = output.with_name(f"{output.name}-interim")
    if workspace.prepared_rows() is None or not workspace.journal_file.exists():
        raise InputError(f"{workspace.root} holds no build that has begun: there is nothing to release")
    refuse_other_texts(settings, workspace.settings(), workspace.root)
    if (earlier := read_manifest(place)) and not earlier.get("interim"):
        raise InputError(f"{place} is a release that is no interim one; move it away")
    return write_interim(place, workspace, Chat(model.path, settings.target)), place


def write_interim(output: Path, workspace: Workspace, chat: Chat) -> dict[str, Any]:
    """Write a release of those rows that are finished, while the build may go on; returns its manifest.

    Raises:
        UnfinishedError: no row is finished.
        MindTheGapError: as `write_release`.
    """
    with workspace.interim.locked(fresh=False), Journal(workspace.journal_file) as journal:
        left_out = LeftOut(journal.refusals.given_up(), interim=True)
        return _write(workspace.interim.replacement(output), workspace, journal, chat, left_out)


@dataclass
class LeftOut:
    """Rows without an outcome.

    Attributes:
        given_up: why, by row id, of rows that the engine refuses.
        interim: whether rows may be unfinished.
        refused: rows that were given up, with the columns of `REJECTED`.
        unfinished: how many others there are.
    """

    given_up: dict[str, str]
    interim: bool = False
    refused: list[dict[str, Any]] = field(default_factory=list)
    unfinished: int = 0

    def add(self, row: dict[str, Any]) -> None:
        """A prepared row without an outcome.

        Raises:
            UnfinishedError: there is no place for it in the release.
        """
        if row["id"] in self.given_up:
            self.refused.append(row | {"reason": "engine_refused", "detail": self.given_up[row["id"]]})
        elif self.interim:
            self.unfinished += 1
        else:
            raise UnfinishedError(f"row {row['id']} has no outcome; run the same command again")


def _write(place: Replacement, workspace: Workspace, journal: Journal, chat: Chat, left_out: LeftOut) -> dict[str, Any]:
    with place.filled() as scratch:
        finished = _write_rows(scratch, workspace, journal, chat, left_out)
        if left_out.interim and not finished:
            raise UnfinishedError(f"no row of {workspace.root} is finished yet; run the build first")
        _write_rejected(scratch, workspace, left_out)
        content = provenance(workspace, journal, chat, summarize(scratch))
        if left_out.interim:
            content["interim"] = {"finished": finished, "unfinished": left_out.unfinished}
        return finish(scratch, with_plots(scratch, content))


def _write_rows(scratch: Path, workspace: Workspace, journal: Journal, chat: Chat, left_out: LeftOut) -> int:
    """Write the configs of finished rows; returns how many these are."""
    first, written, settings = 0, 0, workspace.settings()
    with ExitStack() as stack:
        default, tokens, candidates, expert = (
            stack.enter_context(config_writer(scratch, config))
            for config in ("default", "tokens", "candidates", "expert")
        )
        for batch in _batches(workspace.rows_file):
            prepared = batch.to_pylist()
            last = prepared[-1]["row"]
            rows, outcomes = _joined(prepared, journal.outcomes(first, last), left_out)
            first, written = last + 1, written + len(rows)
            if rows:
                entries = journal.entries({key for outcome in outcomes for key in outcome.journal_keys()})
                tokens.add_table(tokens_table(rows, outcomes, entries, chat))
                default.add_table(default_table(rows, outcomes, entries, chat, settings))
                candidates.add_table(candidates_table(outcomes, entries, chat, settings))
                expert.add_table(expert_table(outcomes if settings.candidate_tokens else [], entries))
        _joined([], journal.outcomes(first), left_out)
    return written


def _joined(
    prepared: list[dict[str, Any]], outcomes: Iterable[Outcome], left_out: LeftOut
) -> tuple[list[dict[str, Any]], list[Outcome]]:
    """Rows that have an outcome, and their outcomes, both in source order; every outcome must have its row."""
    found = {outcome.id: outcome for outcome in outcomes}
    rows = []
    for row in prepared:
        rows.append(row) if row["id"] in found else left_out.add(row)
    of_rows = [found.pop(row["id"]) for row in rows]
    for row_id in found:
        raise MindTheGapError(f"row {row_id} has an outcome but is not a row of the source")
    return rows, of_rows


def _write_rejected(scratch: Path, workspace: Workspace, left_out: LeftOut) -> None:
    with config_writer(scratch, "rejected") as writer:
        for batch in _batches(workspace.rejected_file):
            writer.add_table(pa.Table.from_batches([batch]))
        writer.add(left_out.refused)


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    # Buffered ahead, a file stays in memory as a whole until its last batch is read.
    return pq.ParquetFile(file, pre_buffer=False).iter_batches(BATCH)
