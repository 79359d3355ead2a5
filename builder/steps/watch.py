"""The end of a pipeline that has lost a worker: distilabel would wait for it for ever."""

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from builder.steps.ray import actor_lost

if TYPE_CHECKING:
    from distilabel.pipeline.base import BasePipeline

WORKER_LOST = 70  # exit code: a step's process died
_POLL_SECONDS = 0.5


def watch(pipeline: "BasePipeline", *, on_ray: bool) -> None:
    """From now until the pipeline tears down, end this process as soon as a step's is lost."""
    threading.Thread(target=_watch, args=(pipeline, on_ray), daemon=True).start()


def _watch(pipeline: "BasePipeline", on_ray: bool) -> None:
    while not (pipeline._batch_manager if on_ray else getattr(pipeline, "_pool", None)):
        time.sleep(_POLL_SECONDS)
    lost = actor_lost if on_ray else _worker_lost(pipeline)
    while pipeline._batch_manager:  # distilabel drops it when it starts to tear down
        if lost():
            print("a step's process died; stopping so that the build can be resumed", file=sys.stderr)
            os._exit(WORKER_LOST)
        time.sleep(_POLL_SECONDS)


def _worker_lost(pipeline: "BasePipeline") -> Callable[[], bool]:
    processes = [*pipeline._pool._pool, pipeline._manager._process]  # the pool replaces those that it misses
    return lambda: any(not process.is_alive() for process in processes)
