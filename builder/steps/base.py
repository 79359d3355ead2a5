"""What all steps share: one row a problem, a fault stays with its row, and nothing becomes a silent null."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilabel.steps import Step, StepInput
from pydantic import PrivateAttr

from builder.chat import Chat
from builder.config import Settings
from builder.engines.http_engine import HttpEngine
from builder.engines.protocol import Completion
from builder.errors import EngineError, UnansweredError
from builder.journal import Journal, scoring_key
from builder.sampling import model_key
from builder.workspace import Workspace

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput

Row = dict[str, Any]

FAILURES = 8  # unanswered requests without an answer in between: the engine answers none, and is given up
_POLL_SECONDS = 0.5

# The columns that travel beside the source row's own, with what they hold before their step has run. Scalars and JSON
# strings only: distilabel infers a Parquet schema from values and is slow on nested ones.
TRAVEL: Row = {
    "self_candidates": "[]",
    "guided_candidates": "[]",
    "stage": "",
    "kept": -1,
    "fallback_reason": "",
    "error": "",
}


class RowStep(Step):
    """A step that treats every row by itself. Subclasses fill columns in `handle`."""

    workspace: str
    writes: list[str] = []

    _settings: Settings = PrivateAttr(None)

    @property
    def inputs(self) -> "StepColumns":
        """Every row carries all columns from the start."""
        return ["id", *TRAVEL]

    @property
    def outputs(self) -> "StepColumns":
        """The columns that this step fills."""
        return [*self.writes, "error"]

    def load(self) -> None:
        """Open what the step needs, in its own process."""
        super().load()
        self._settings = self._files.settings()

    @property
    def _files(self) -> Workspace:
        return Workspace(Path(self.workspace))

    def process(self, inputs: StepInput) -> "StepOutput":
        """Pass every row on; a row that already carries an error is passed on untouched."""
        for row in inputs:
            if row["error"] is None:  # distilabel nulls the columns of a batch whose step raised
                row.update(TRAVEL, error=f"lost before step {self.name}; the pipeline's log says why")
        live = [row for row in inputs if not row["error"]]
        try:
            self.handle(live)
        except Exception as error:
            self._logger.exception("step %s failed on a batch", self.name)
            for row in live:
                row["error"] = row["error"] or f"{self.name}: {type(error).__name__}: {error}"
        yield inputs

    def handle(self, rows: list[Row]) -> None:
        """Fill this step's columns of each row, or its `error`."""
        raise NotImplementedError


class EngineStep(RowStep):
    """A step that asks the engine: many rows at once, answers kept in the journal as they arrive."""

    _chat: Chat = PrivateAttr(None)
    _journal: Journal = PrivateAttr(None)
    _engine: HttpEngine = PrivateAttr(None)
    _runner: asyncio.Runner = PrivateAttr(None)
    _model_key: str = PrivateAttr("")
    _gone: str = PrivateAttr("")
    _failures: int = PrivateAttr(0)

    def load(self) -> None:
        """Open tokenizer, journal and engine."""
        super().load()
        runtime = self._files.runtime()
        target = self._settings.target
        self._chat = Chat(Path(runtime.model_dir), target)
        self._journal = Journal(self._files.journal_file)
        self._engine = HttpEngine(
            runtime.engine_urls,
            model=runtime.engine_model,
            concurrency=runtime.concurrency,
            send_seed=runtime.send_seed,
            patience=runtime.patience,
        )
        self._runner = asyncio.Runner()
        self._model_key = model_key(self._settings.model_revision, target.dtype)

    def unload(self) -> None:
        """Close what `load` opened."""
        if self._runner:
            self._runner.run(self._engine.close())
            self._runner.close()
            self._journal.close()
        super().unload()

    def handle(self, rows: list[Row]) -> None:
        """Ask for all rows of the batch at once."""
        self._runner.run(self._handle_all(rows))

    async def _handle_all(self, rows: list[Row]) -> None:
        async with self._draining_on_request():
            await asyncio.gather(*(self._guarded(row) for row in rows))

    @asynccontextmanager
    async def _draining_on_request(self) -> AsyncIterator[None]:
        async def watch() -> None:
            while not self._files.drain_file.exists():
                await asyncio.sleep(_POLL_SECONDS)
            self._engine.drain()

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()

    async def _guarded(self, row: Row) -> None:
        if self._gone:  # the engine did not come back for an earlier row: do not wait for it again
            row["error"] = self._gone
            return
        try:
            await self.ask(row)
            self._failures = 0
        except UnansweredError as error:
            row["error"] = str(error)
            self._failures += 1
            if self._failures >= FAILURES:
                self._gone = row["error"]
        except EngineError as error:
            self._gone = row["error"] = str(error)
        except Exception as error:
            self._logger.exception("step %s failed on row %s", self.name, row["id"])
            row["error"] = f"{self.name}: {type(error).__name__}: {error}"

    async def ask(self, row: Row) -> None:
        """Fill this step's columns of one row with the engine's help."""
        raise NotImplementedError

    async def score(self, prompt_ids: list[int], completion_ids: list[int]) -> tuple[str, Completion]:
        """Log-probs of a completion under a prompt: journal key (hexadecimal) and entry."""
        key = scoring_key(self._model_key, prompt_ids, completion_ids)
        found = self._journal.get(key)
        if found is None:
            logprobs = await self._engine.score(prompt_ids, completion_ids)
            self._journal.put_scores(key, completion_ids, logprobs)
            found = self._journal.get(key)
        return key.hex(), found
