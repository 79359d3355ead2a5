"""Feeds the rows without an outcome into the pipeline, no faster than it can finish them."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from distilabel.steps import GeneratorStep
from pydantic import PrivateAttr

from builder.building.workspace import Workspace
from builder.journal.journal import Journal
from builder.method.alignment import Alignment
from builder.steps.base import ALIGNMENT, TICK, Columns, name_process

if TYPE_CHECKING:
    import numpy as np
    from distilabel.typing import GeneratorStepOutput, StepColumns

_SHORTEST, _LONGEST = 0.02, 1.0  # seconds between ticks: soon after something was finished, then more and more seldom
_PORTION = 1_000  # rows read at once


class Feed(GeneratorStep):
    """Reads `rows.parquet` in batches, padded with ticks; after the last row, ticks until all have come out.

    What has come out is counted in the journal. No more rows are fed when the build is interrupted, or when as many
    have failed as the pipeline holds: then it is not the rows.
    """

    workspace: str
    most: int
    """Rows within the pipeline; beyond it, feeding waits."""

    _journal: Journal = PrivateAttr(None)

    @property
    def outputs(self) -> "StepColumns":
        """The source row's columns and those that the steps fill."""
        return ["id", ALIGNMENT]

    def load(self) -> None:
        """Open the journal."""
        super().load()
        name_process(self.name)
        self._journal = Journal(self._files.journal_file)

    def unload(self) -> None:
        """Close it."""
        if self._journal:
            self._journal.close()
        super().unload()

    @property
    def _files(self) -> Workspace:
        return Workspace(Path(self.workspace))

    def process(self, offset: int = 0) -> "GeneratorStepOutput":
        """Yield batches of rows and ticks; the last one has only ticks."""
        before = self._journal.settled()
        fed, ticks = 0, [TICK] * self.batch_size
        for rows in self._batches():
            for _ in self._until(lambda fed=fed: fed < self._journal.settled() - before + self.most):
                yield ticks, False
            if self._files.drain_file.exists() or len(self._journal.failures(self.most)) == self.most:
                break
            fed += len(rows)
            yield [*rows, *ticks[len(rows) :]], False
        for _ in self._until(lambda: fed <= self._journal.settled() - before):
            yield ticks, False
        yield ticks, True

    def _batches(self) -> Iterator[list[Columns]]:
        fresh = Alignment().dump()
        todo = unfinished(self._files.rows_file, self._journal.finished_rows())
        while rows := [row | {ALIGNMENT: fresh} for row in islice(todo, self.batch_size)]:
            yield rows

    def _until(self, reached: Callable[[], bool]) -> Iterator[None]:
        """Something to yield ticks for, as long as a condition is not reached."""
        pause, settled = _SHORTEST, self._journal.settled()
        while not reached():
            time.sleep(pause)
            last, settled = settled, self._journal.settled()
            pause = _SHORTEST if settled != last else min(2 * pause, _LONGEST)
            yield


def unfinished(rows_file: Path, finished: "np.ndarray") -> Iterator[Columns]:
    """Prepared rows that are still to do, in order; of row groups without any, only the numbers are read.

    Args:
        rows_file: with the columns of `PREPARED`, ascending by row.
        finished: row numbers, ascending, int64 `[rows]`.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(rows_file, pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=["row"])["row"].to_numpy()
            first, last = np.searchsorted(finished, [rows[0], rows[-1] + 1])
            todo, seen = np.isin(rows, finished[first:last], invert=True), 0
            for batch in file.iter_batches(_PORTION, row_groups=[group]) if todo.any() else ():
                yield from batch.filter(pa.array(todo[seen : seen + len(batch)])).to_pylist()
                seen += len(batch)
