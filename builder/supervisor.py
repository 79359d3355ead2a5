"""Runs a build: starts and watches the engine and the pipeline, and makes sure that every row came out exactly once.

The supervisor is the only process that the user started; engine and pipeline are its children, each in a process group
of its own. It learns what they do from the journal alone, so that a pipeline that dies or hangs can be ended and
started again: everything finished is in the journal already.
"""

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import processes
from builder.chat import Chat
from builder.config import Settings
from builder.engines.running import checked, server_for, takes_seeds
from builder.engines.servers import EngineServer
from builder.errors import UnfinishedError
from builder.journal import Journal
from builder.models import Model
from builder.prepare import prepare
from builder.progress import ProgressDisplay
from builder.release import write_release
from builder.workspace import Runtime, Workspace, write_atomically

if TYPE_CHECKING:
    from rich.console import Console

READY_SECONDS = 1800.0  # an engine may have to read hundreds of gigabytes of weights
STALL_SECONDS = 1800.0  # no request and no row finished for this long: the pipeline hangs
ATTEMPTS = 3  # runs of the pipeline in a row without one new outcome before giving up
_POLL_SECONDS = 1.0


class Build:
    """One build of one release.

    Args:
        settings: what determines D′.
        model: the target's files.
        output: where the release appears.
        workspace: its working directory, locked and claimed by the caller.
        engine_urls: servers to attach to; empty to start one here.
        concurrency: sequences that one step keeps in flight.
        console: where a person reads.
    """

    def __init__(
        self,
        settings: Settings,
        model: Model,
        output: Path,
        workspace: Workspace,
        engine_urls: list[str],
        concurrency: int,
        console: "Console",
    ) -> None:
        self._settings, self._model, self._output = settings, model, output
        self._files, self._urls, self._concurrency = workspace, engine_urls, concurrency
        self._console = console
        self._engine_restarted = False  # since the pipeline was last started

    def run(self) -> dict[str, Any]:
        """Build what is missing, write the release and return its manifest.

        Raises:
            InputError: the source is wrong.
            EngineError: the engine cannot run.
            UnfinishedError: some rows have no outcome; the same command continues.
        """
        chat = Chat(self._model.path, self._settings.target)
        with Journal(self._files.journal_file) as journal, _Session(journal) as session:
            # The engine loads its weights while the source is read, unless nothing is left to ask it.
            engine = nullcontext() if self._all_finished(journal) else self._engine()
            with engine as server:
                total = prepare(self._settings, chat, self._files)
                if journal.progress().rows < total:
                    self._connect(server)
                    self._generate(journal, session, total, server)
        self._say("writing the release")
        return write_release(self._output, self._files, chat)

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _all_finished(self, journal: Journal) -> bool:
        import pyarrow.parquet as pq

        rows = self._files.rows_file
        return rows.exists() and journal.progress().rows == pq.read_metadata(rows).num_rows

    def _engine(self) -> AbstractContextManager[EngineServer | None]:
        if self._urls:
            return nullcontext()
        self._say(f"starting the {self._settings.engine} engine (log: {self._files.engine_log})")
        return server_for(self._settings.engine, self._model.path, self._settings.target, self._files.engine_log)

    def _connect(self, server: EngineServer | None) -> None:
        """Wait until the engine answers, check that it can hold the target's context, note how to reach it."""
        target = self._settings.target
        if server:
            server.wait_ready(READY_SECONDS)
        urls = self._urls or [server.url]
        info = checked(urls, target.model if self._urls else target.name, target)
        self._files.engine_file.write_text(info.version, encoding="utf-8")
        runtime = Runtime(
            model_dir=str(self._model.path),
            engine_urls=urls,
            engine_model=info.model,
            send_seed=takes_seeds(self._settings.engine, bool(self._urls)),
            concurrency=self._concurrency,
        )
        write_atomically(self._files.runtime_file, runtime.model_dump_json(indent=2))

    def _generate(self, journal: Journal, session: "_Session", total: int, server: EngineServer | None) -> None:
        """Run the pipeline until every row has an outcome."""
        fruitless = 0
        most_samples = 2 * total * self._settings.sampling.candidates
        with ProgressDisplay(self._console, total, most_samples, journal.progress()) as display:
            while (before := journal.progress().rows) < total:
                reason = self._run_pipeline(journal, session, display, server)
                done = journal.progress().rows
                if done < total and self._engine_restarted:
                    server.wait_ready(READY_SECONDS)  # rows that gave up on it meanwhile are tried again
                elif done < total and (failures := journal.failures()):
                    row_id, error = failures[0]
                    raise UnfinishedError(
                        f"{total - done} of {total} rows are unfinished (row {row_id}: {error}); "
                        "everything finished is kept, the same command continues"
                    )
                fruitless = fruitless + 1 if done == before else 0
                if fruitless == ATTEMPTS:
                    raise UnfinishedError(
                        f"the pipeline ended {ATTEMPTS} times without finishing a row ({reason}); "
                        f"its log: {self._files.pipeline_log}"
                    )

    def _run_pipeline(
        self, journal: Journal, session: "_Session", display: ProgressDisplay, server: EngineServer | None
    ) -> str:
        """Run the pipeline once, to its end, its death or its standstill; returns which of these it was."""
        command = [sys.executable, "-m", "builder.pipeline", str(self._files.root)]
        process = processes.spawn(command, self._files.pipeline_log, {"COLUMNS": "200"})
        last, since = None, time.monotonic()
        self._engine_restarted = False
        try:
            while process.poll() is None:
                time.sleep(_POLL_SECONDS)
                now = journal.progress()
                display.show(now)
                session.note()
                if now != last:
                    last, since = now, time.monotonic()
                elif time.monotonic() - since > STALL_SECONDS:
                    return f"no progress for {STALL_SECONDS:.0f} s"
                if server and not server.alive():
                    self._say("the engine died; starting it again")
                    server.restart()
                    self._engine_restarted = True
        finally:
            processes.stop(process)
        display.show(journal.progress())
        return f"exit code {process.poll()}"


class _Session:
    """Adds up, in the journal, how long a build has been worked on."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __enter__(self) -> "_Session":
        self._began, self._number = time.monotonic(), self._journal.begin_session()
        return self

    def __exit__(self, *_: object) -> None:
        self.note()

    def note(self) -> None:
        self._journal.note_session(self._number, time.monotonic() - self._began)
