"""Runs a build: starts and watches the engine and the pipeline, and makes sure that every row came out exactly once.

The supervisor is the only process that the user started; engine and pipeline are its children, each in a process group
of its own. It learns what they do from the journal alone, so that a pipeline that dies or hangs can be ended and
started again: everything finished is in the journal already.
"""

import asyncio
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from builder import processes
from builder.chat import Chat
from builder.config import Settings
from builder.engines.http_engine import EngineInfo, HttpEngine
from builder.engines.servers import EngineServer, gpu_memory_gib, transformers_server, vllm_server
from builder.errors import EngineError, UnfinishedError
from builder.journal import Journal
from builder.models import Model
from builder.prepare import prepare
from builder.progress import ProgressDisplay, duration
from builder.release import write_release
from builder.workspace import Runtime, Workspace, write_atomically

if TYPE_CHECKING:
    from rich.console import Console

READY_SECONDS = 1800.0  # an engine may have to read hundreds of gigabytes of weights
STALL_SECONDS = 1800.0  # no request and no row finished for this long: the pipeline hangs
ATTEMPTS = 3  # pipeline runs in a row without a single new outcome before giving up
_POLL = 1.0


class Build:
    """One build of one release.

    Args:
        settings: what determines D′.
        model: the target's files.
        output: where the release appears.
        workspace: its working directory, locked and claimed by the caller.
        engine_urls: servers to attach to; empty to start one here.
        console: where a person reads.
    """

    def __init__(
        self,
        settings: Settings,
        model: Model,
        output: Path,
        workspace: Workspace,
        engine_urls: list[str],
        console: "Console",
    ) -> None:
        self._settings, self._model, self._output = settings, model, output
        self._files, self._urls, self._console = workspace, engine_urls, console

    def run(self) -> dict:
        """Build what is missing, write the release and return its manifest.

        Raises:
            InputError: the source is wrong.
            EngineError: the engine cannot run.
            UnfinishedError: some rows have no outcome; the same command continues.
        """
        began = time.monotonic()
        with Journal(self._files.journal_file) as journal:
            session = journal.begin_session()
            chat = Chat(self._model.path, self._settings.target)
            engine_file = self._files.root / "engine.txt"
            # The engine loads its weights while the source is read, unless nothing is left to ask it.
            engine = nullcontext() if self._complete(journal) else self._engine()
            with engine as server:
                rows = prepare(self._settings, chat, self._files)
                if rows > journal.progress().rows:
                    engine_file.write_text(self._connect(server))
                    self._generate(journal, rows, server, lambda: time.monotonic() - began, session)
            journal.note_session(session, time.monotonic() - began)
        self._console.print("writing the release", highlight=False)
        return write_release(self._output, self._files, chat, engine_file.read_text())

    def _complete(self, journal: Journal) -> bool:
        if not self._files.rows_file.exists():
            return False
        import pyarrow.parquet as pq

        return journal.progress().rows == pq.read_metadata(self._files.rows_file).num_rows

    def _engine(self) -> AbstractContextManager[EngineServer | None]:
        if self._urls:
            return nullcontext()
        self._console.print(
            f"starting the {self._settings.engine} engine (log: {self._files.engine_log})", highlight=False
        )
        start = vllm_server if self._settings.engine == "vllm" else transformers_server
        return start(self._model.path, self._settings.target, self._files.engine_log)
