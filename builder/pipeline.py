"""The method of the paper as a distilabel pipeline; run by `builder.build`.

One linear pipeline, one row a problem, decisions in columns. distilabel gives the DAG, one process a step and the
queues between them; what makes a build resumable is the journal.
"""

import math
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from builder.building.workspace import Workspace
from builder.config import Sampling, Target
from builder.steps.chats import chat_for
from builder.verification.pool import warm_up

if TYPE_CHECKING:
    from builder.steps.lean import LeanPipeline

_POLL_SECONDS = 0.05


def build_pipeline(workspace: Workspace) -> "LeanPipeline":
    """The whole flow, top to bottom."""
    from builder.steps.feed import Feed
    from builder.steps.generate import Generate
    from builder.steps.lean import LeanPipeline
    from builder.steps.route import Route
    from builder.steps.score import Score

    files = {"workspace": str(workspace.root)}
    window = window_for(workspace.runtime().concurrency, workspace.settings().sampling)
    batches = files | {"input_batch_size": batch_size_for(window)}
    asking = batches | {"window": window}
    with LeanPipeline(name="mind-the-gap", cache_dir=workspace.scratch) as pipeline:
        feed = Feed(name="feed", batch_size=batch_size_for(window), most=6 * window, **files)
        solve = Generate(name="solve", phase="self", rows="verifiable", **asking)
        retold = "verifiable" if workspace.settings().retell == "all" else "unsolved"
        retell = Generate(name="retell", phase="guided", rows=retold, **asking)
        route = Route(name="route", **batches)
        score = Score(name="score", **asking)
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
    from builder.steps.ray import on_cluster
    from builder.steps.watch import watch

    with Journal(workspace.journal_file) as journal:
        journal.clear_failures()
    pipeline, cluster = build_pipeline(workspace), workspace.runtime().ray
    if cluster:
        pipeline = on_cluster(pipeline, cluster)
    watch(pipeline, on_ray=bool(cluster))
    pipeline.run_through()


def preload(model_dir: Path, target: Target) -> None:
    """Import and load what all steps begin with: they are forked from this process."""
    from builder.steps import feed, generate, lean, route, score  # noqa: F401

    chat_for(model_dir, target)


def main() -> None:
    """Warm up, wait for leave, and run, in a scratch directory of its own: nothing of another run is ever read."""
    # One server for the verifiers of all steps; it imports beside us what their workers need.
    warm_up("builder.pipeline", "builder.method.rules")
    workspace = Workspace(Path(sys.argv[1]))
    shutil.rmtree(workspace.scratch, ignore_errors=True)  # what a killed run left
    workspace.scratch.mkdir()
    with tempfile.TemporaryDirectory(dir=workspace.scratch) as scratch:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        os.environ["DISTILABEL_LOG_LEVEL"] = "WARNING"  # else two lines for each batch of each step
        preload(Path(sys.argv[2]), workspace.settings().target)  # while the supervisor prepares the rows
        while not workspace.go_file.exists():
            time.sleep(_POLL_SECONDS)
        workspace.scratch = Path(scratch)
        run(workspace)
    sys.stderr.flush()
    os._exit(0)  # everything is in the journal; taking two thousand modules apart takes half a second


if __name__ == "__main__":
    main()
