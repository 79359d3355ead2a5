"""What all steps share: one row a problem, a fault stays with its row, and nothing becomes a silent null."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilabel.steps import Step, StepInput
from pydantic import PrivateAttr

from builder.building.workspace import Workspace
from builder.config import Settings

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput

Row = dict[str, Any]

# The columns that travel beside the source row's own, with what they hold before their step has run. Scalars and JSON
# strings only: distilabel is slow on nested ones.
TRAVEL: Row = {
    "self_candidates": "[]",
    "guided_candidates": "[]",
    "stage": "",
    "kept": -1,
    "fallback_reason": "",
    "error": "",
}

# Stands where a row could be. A step passes on only when it is given something: ticks keep rows moving that were
# finished since, when no new ones come in (`Feed` sends them).
TICK: Row = {"tick": True}


def name_process(name: str) -> None:
    """Let `ps` and `top` show a step by its name, where the system can."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


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
        name_process(self.name)
        self._settings = self._files.settings()

    @property
    def _files(self) -> Workspace:
        return Workspace(Path(self.workspace))

    def process(self, inputs: StepInput) -> "StepOutput":
        """Pass rows on, those that carry an error untouched, and ticks behind them."""
        rows, ticks = [row for row in inputs if "tick" not in row], [row for row in inputs if "tick" in row]
        for row in rows:
            if row["error"] is None:  # distilabel nulls the columns of a batch whose step raised
                row.update(TRAVEL, error=f"lost before step {self.name}; the pipeline's log says why")
        yield [*self.passed_on(rows), *ticks]

    def passed_on(self, rows: list[Row]) -> list[Row]:
        """Take rows in, and give out the finished ones: here, the same."""
        live = [row for row in rows if not row["error"]]
        try:
            self.handle(live)
        except Exception as error:
            self._logger.exception("step %s failed on a batch", self.name)
            for row in live:
                row["error"] = row["error"] or f"{self.name}: {type(error).__name__}: {error}"
        return rows

    def handle(self, rows: list[Row]) -> None:
        """Fill this step's columns of each row, or its `error`."""
        raise NotImplementedError
