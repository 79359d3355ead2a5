"""What all steps share: one row a problem, a fault stays with its row, and nothing becomes a silent null."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from distilabel.steps import Step, StepInput
from pydantic import PrivateAttr

from builder.building.workspace import Workspace
from builder.config import Settings
from builder.method.alignment import Alignment
from builder.method.outcome import Outcome

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput

Columns = dict[str, Any]

ALIGNMENT = "alignment"  # the column that the steps fill, beside those of `rows.parquet`

# Stands where a row could be. A step passes on only when it is given something: ticks keep rows moving that were
# finished since, when no new ones come in (`Feed` sends them).
TICK: Columns = {"tick": True}


@dataclass
class Flight:
    """A row on its way through the steps.

    Attributes:
        row: its columns of `rows.parquet`.
        alignment: what has become of it so far.
        outcome: once it is finished, in the last step.
    """

    row: Columns
    alignment: Alignment
    outcome: Outcome | None = None

    @classmethod
    def arriving(cls, columns: Columns, step: str) -> Self:
        """A row as distilabel hands it over; it nulls the columns of a batch whose step raised."""
        row = {name: value for name, value in columns.items() if name != ALIGNMENT}
        if (told := columns[ALIGNMENT]) is None:
            return cls(row, Alignment(error=f"lost before step {step}; the pipeline's log says why"))
        return cls(row, Alignment.load(told))

    def leaving(self) -> Columns:
        """The row as distilabel passes it on."""
        return self.row | {ALIGNMENT: self.alignment.dump()}

    def fail(self, error: str, *, refused: bool = False) -> None:
        """It cannot be finished in this run; perhaps because the engine refuses it."""
        self.alignment = self.alignment.failed(error, refused=refused)


def name_process(name: str) -> None:
    """Let `ps` and `top` show a step by its name, where the system can."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


class RowStep(Step):
    """A step that treats every row by itself. Subclasses fill its alignment in `handle`."""

    workspace: str

    _settings: Settings = PrivateAttr(None)

    @property
    def inputs(self) -> "StepColumns":
        """Every row carries all columns from the start."""
        return ["id", ALIGNMENT]

    @property
    def outputs(self) -> "StepColumns":
        """The column that all steps fill."""
        return [ALIGNMENT]

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
        ticks = [columns for columns in inputs if "tick" in columns]
        flights = [Flight.arriving(columns, self.name) for columns in inputs if "tick" not in columns]
        yield [*(flight.leaving() for flight in self.passed_on(flights)), *ticks]

    def passed_on(self, flights: list[Flight]) -> list[Flight]:
        """Take rows in, and give out the finished ones: here, the same."""
        for flight in flights:
            if not flight.alignment.error:
                try:
                    self.handle(flight)
                except Exception as error:
                    self._logger.exception("step %s failed on row %s", self.name, flight.row["id"])
                    flight.fail(f"{self.name}: {type(error).__name__}: {error}")
        return flights

    def handle(self, flight: Flight) -> None:
        """Fill a row's alignment."""
        raise NotImplementedError
