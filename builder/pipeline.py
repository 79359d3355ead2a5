"""The method of the paper as a distilabel pipeline; `builder.build` runs it as `python -m builder.pipeline WORKSPACE`.

One linear pipeline, one row a problem, decisions in columns. distilabel gives the DAG, one process a step and the
queues between them. It runs without its own cache: what makes a build resumable is the journal.
"""

import math
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from builder.building.workspace import Workspace
from builder.config import Sampling
from builder.steps.ray import actor_lost, on_cluster

if TYPE_CHECKING:
    from distilabel.pipeline.base import BasePipeline

WORKER_LOST = 70  # exit code: a step's process died, which distilabel would wait for without end


def build_pipeline(workspace: Workspace) -> "BasePipeline":
    """The whole flow, top to bottom."""
    from builder.steps.adaptive import AdaptiveGenerate
    from builder.steps.feed import Feed
    from builder.steps.generate import Generate
    from builder.steps.route import Route
    from builder.steps.score import Score
    from builder.steps.uncached import UncachedPipeline
    from builder.steps.verify import Verify

    sampling, files = workspace.settings().sampling, {"workspace": str(workspace.root)}
    window = window_for(workspace.runtime().concurrency, sampling)
    shared = files | {"input_batch_size": batch_size_for(window)}
    asking = shared | {"window": window}
    drawn, retold = ["self_candidates"], ["guided_candidates"]
    with UncachedPipeline(name="mind-the-gap", cache_dir=workspace.scratch) as pipeline:
        feed = Feed(name="feed", batch_size=batch_size_for(window), most=6 * window, **files)
        route = Route(name="route", writes=["stage", "kept", "fallback_reason"], **shared)
        score = Score(name="score", **asking)
        if not sampling.adaptive:
            solve = Generate(name="solve", phase="self", writes=drawn, **asking)
            check = Verify(name="verify_solved", phase="self", writes=drawn, **shared)
            retell = Generate(name="retell", phase="guided", writes=retold, **asking)
            check_retold = Verify(name="verify_retold", phase="guided", writes=retold, **shared)
            feed >> solve >> check >> retell >> check_retold >> route >> score
        else:  # candidates are verified as they are drawn
            solve = AdaptiveGenerate(name="solve", phase="self", writes=drawn, **asking)
            retell = AdaptiveGenerate(name="retell", phase="guided", writes=retold, **asking)
            feed >> solve >> retell >> route >> score
    return pipeline


def window_for(concurrency: int, sampling: Sampling) -> int:
    """Rows that a step has at work: twice what it takes to fill its share of the engine.

    Args:
        concurrency: sequences that the step keeps in flight.
        sampling: an adaptive row may have only one sequence in flight, a fixed one has all at once.
    """
    return 2 * math.ceil(concurrency / (1 if sampling.adaptive else sampling.candidates))


def batch_size_for(window: int) -> int:
    """Rows a batch: few enough that rows move on soon, enough that moving them costs nothing."""
    return min(64, max(1, window // 4))


def run(workspace: Workspace) -> None:
    """Send every row without an outcome through the pipeline; outcomes and failures end up in the journal."""
    from builder.journal.journal import Journal

    with Journal(workspace.journal_file) as journal:
        journal.clear_failures()
    pipeline, watch = build_pipeline(workspace), _watch_workers
    if cluster := workspace.runtime().ray:
        pipeline, watch = on_cluster(pipeline, cluster), _watch_actors
    threading.Thread(target=watch, args=(pipeline,), daemon=True).start()
    pipeline.run(use_cache=False)


def _watch_workers(pipeline: "BasePipeline") -> None:
    while not getattr(pipeline, "_pool", None):
        time.sleep(0.2)
    processes = [*pipeline._pool._pool, pipeline._manager._process]
    _leave_if(pipeline, lambda: any(not process.is_alive() for process in processes))


def _watch_actors(pipeline: "BasePipeline") -> None:
    while not pipeline._batch_manager:
        time.sleep(0.2)
    _leave_if(pipeline, actor_lost)


def _leave_if(pipeline: "BasePipeline", lost: Callable[[], bool]) -> None:
    """End this process as soon as one of distilabel's own is lost: it would wait for it for ever."""
    while pipeline._batch_manager:  # distilabel drops it when it starts to tear down
        if lost():
            print("a step's process died; stopping so that the build can be resumed", file=sys.stderr)
            os._exit(WORKER_LOST)
        time.sleep(0.5)


def main() -> None:
    """Run in a scratch directory of its own, so that nothing of an earlier or another run is ever read."""
    workspace = Workspace(Path(sys.argv[1]))
    shutil.rmtree(workspace.scratch, ignore_errors=True)  # what a killed run left
    workspace.scratch.mkdir()
    with tempfile.TemporaryDirectory(dir=workspace.scratch) as scratch:
        os.environ["HF_DATASETS_CACHE"] = scratch  # distilabel loads its (tiny) result with `datasets`
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        os.environ["DISTILABEL_LOG_LEVEL"] = "WARNING"  # else two lines for each batch of each step
        workspace.scratch = Path(scratch)
        run(workspace)


if __name__ == "__main__":
    main()
