"""distilabel's pipeline without its cache, which it writes even if it is told not to use it.

Its cache holds every batch of every step once more, on disk, and is written anew with each batch: 20 ms a batch, and
more bytes than the journal. Ours is the journal.
"""

from distilabel.pipeline import Pipeline
from distilabel.pipeline.batch import _Batch


class Uncached:
    """Comes before a pipeline's class, which then writes nothing but its result."""

    def _cache(self) -> None:
        pass

    def _register_batch(self, batch: _Batch) -> None:
        self._batch_manager.register_batch(batch)


class UncachedPipeline(Uncached, Pipeline):
    """A process for each step, on this machine."""
