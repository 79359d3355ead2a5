"""The method of the paper as a distilabel pipeline; `builder.build` runs it as `python -m builder.pipeline WORKSPACE`.

One linear pipeline, one row a problem, decisions in columns. distilabel gives the DAG, one process a step and the
queues between them. It runs without its own cache: what makes a build resumable is the journal.
"""

import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from builder.workspace import Workspace

if TYPE_CHECKING:
    from distilabel.pipeline import Pipeline

WORKER_LOST = 70  # exit code: a step's process died, which distilabel would wait for without end


def build_pipeline(workspace: Workspace, batch_size: int) -> "Pipeline":
    """The whole flow, top to bottom."""
    from distilabel.pipeline import Pipeline

    from builder.steps.adaptive import AdaptiveGenerate
    from builder.steps.generate import Generate
    from builder.steps.route import Route
    from builder.steps.score import Score
    from builder.steps.verify import Verify

    shared = {"workspace": str(workspace.root), "input_batch_size": batch_size}
    drawn, retold = ["self_candidates"], ["guided_candidates"]
    with Pipeline(name="mind-the-gap", cache_dir=workspace.scratch) as pipeline:
        route = Route(name="route", writes=["stage", "kept", "fallback_reason"], **shared)
        score = Score(name="score", **shared)
        if not workspace.settings().sampling.adaptive:
            solve = Generate(name="solve", phase="self", writes=drawn, **shared)
            check = Verify(name="verify_solved", phase="self", writes=drawn, **shared)
            retell = Generate(name="retell", phase="guided", writes=retold, **shared)
            check_retold = Verify(name="verify_retold", phase="guided", writes=retold, **shared)
            solve >> check >> retell >> check_retold >> route >> score
        else:  # candidates are verified as they are drawn
            solve = AdaptiveGenerate(name="solve", phase="self", writes=drawn, **shared)
            retell = AdaptiveGenerate(name="retell", phase="guided", writes=retold, **shared)
            solve >> retell >> route >> score
    return pipeline


def batch_size_for(rows: int, adaptive: bool) -> int:
    """Rows a batch: large enough to fill the engine, small enough that the steps work side by side.

    Adaptive sampling has few candidates of a row in flight, so that it takes more rows to fill the engine.
    """
    return min(512 if adaptive else 128, max(8, rows // (3 if adaptive else 6)))


def run(workspace: Workspace) -> None:
    """Send every row without an outcome through the pipeline; outcomes and failures end up in the journal."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from datasets import Dataset

    from builder.journal import Journal
    from builder.steps.base import TRAVEL

    with Journal(workspace.journal_file) as journal:
        finished = journal.finished_ids()
        journal.clear_failures()
    table = pq.read_table(workspace.rows_file)
    todo = Dataset(table.filter(pc.invert(pc.is_in(table["id"], pc.cast(list(finished), "string")))))
    for column, value in TRAVEL.items():
        todo = todo.add_column(column, [value] * len(todo))
    size = batch_size_for(len(todo), workspace.settings().sampling.adaptive)
    pipeline = build_pipeline(workspace, size)
    threading.Thread(target=_watch_workers, args=(pipeline,), daemon=True).start()
    pipeline.run(dataset=todo, dataset_batch_size=size, use_cache=False)


def _watch_workers(pipeline: "Pipeline") -> None:
    """End this process as soon as one of distilabel's own is gone: it would wait for it for ever."""
    while not getattr(pipeline, "_pool", None):
        time.sleep(0.2)
    workers = list(pipeline._pool._pool)
    manager = pipeline._manager._process
    while pipeline._batch_manager:  # distilabel drops it when it starts to tear down
        if any(not process.is_alive() for process in [*workers, manager]):
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
        workspace.scratch = Path(scratch)
        run(workspace)


if __name__ == "__main__":
    main()
