"""distilabel's pipeline without what costs time and serves nobody here: its cache, its naps, its result.

Its cache holds every batch of every step once more, on disk, even if it is told not to use it, and is written anew with
each batch: 20 ms a batch, and more bytes than the journal. Ours is the journal. It looks every 2.5 s whether its steps
are loaded and every 0.5 s whether they have ended, and loads with `datasets` what the last step gave out.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from distilabel.pipeline import Pipeline
from distilabel.pipeline.base import _STEP_NOT_LOADED_CODE
from distilabel.pipeline.batch import _Batch

_LOOK_SECONDS = 0.02


class _FinishedError(Exception):
    """The pipeline has come to its end; what follows would make a dataset of its last step's output."""


class Lean:
    """Comes before a pipeline's class."""

    def run_through(self) -> None:
        """Run the pipeline to its end; what its steps have made is where they have put it."""
        with suppress(_FinishedError):
            self.run(use_cache=False)

    def _cache(self) -> None:
        pass

    def _register_batch(self, batch: _Batch) -> None:
        self._batch_manager.register_batch(batch)

    def _run_steps(self, steps: Iterable[str]) -> None:
        steps = list(steps)
        super()._run_steps(steps)
        self._wait(lambda: any(self._steps_load_status[step] in (0, _STEP_NOT_LOADED_CODE) for step in steps))

    def _finalize_pipeline_execution(self) -> None:
        self._notify_steps_to_stop()
        self._wait(lambda: any(map(self._is_step_running, self.dag)))
        super()._finalize_pipeline_execution()

    def _teardown(self) -> None:
        super()._teardown()
        self._exception = self._exception or _FinishedError()

    def _wait(self, busy: Callable[[], bool]) -> None:
        while not self._stop_called and busy():
            time.sleep(_LOOK_SECONDS)


class LeanPipeline(Lean, Pipeline):
    """A process for each step, on this machine."""
