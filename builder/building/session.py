"""One session of a build, from what the command line says to the manifest of the release."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from builder.arguments import settings_from
from builder.building.workspace import Workspace
from builder.config import Settings, Target
from builder.engines.servers import choose_engine
from builder.engines.urls import base_url
from builder.errors import InputError, InterruptedBuildError
from builder.policy.models import Model, resolve_model
from builder.release.manifest import read_manifest
from builder.release.tiers import Change
from builder.steps.ray import check_cluster


def planned(args: argparse.Namespace, target: Target) -> tuple[Settings, Model]:
    """What would be built, and with which model; downloads nothing for a dry run.

    Raises:
        InputError: the command line, the target or its model cannot be used.
    """
    engine, model = engine_and_model(args, target, asked=bool(args.probe) or not (args.dry_run or args.release_now))
    return settings_from(args, target, model.revision, engine), model


def engine_and_model(args: argparse.Namespace, target: Target, *, asked: bool = True) -> tuple[str, Model]:
    """The engine to use, and the target's files: weights only where they are needed here.

    Args:
        args: of the command line.
        target: the policy.
        asked: whether the engine is asked for anything; else the target may be one that this machine cannot run.

    Raises:
        InputError: the engine cannot run here, or the model cannot be found.
    """
    args.engine_url = [base_url(url) for url in args.engine_url]
    elsewhere = args.engine_url or (not asked and target.gpu_memory_gib)
    engine = "vllm" if elsewhere else choose_engine(args.engine, target)
    return engine, resolve_model(target, weights=asked and not args.engine_url)


def built(
    args: argparse.Namespace,
    settings: Settings,
    model: Model,
    output: Path,
    console: Console,
    begin: Callable[[Workspace], None] = lambda workspace: None,
) -> tuple[dict[str, Any], Path]:
    """Build, go on building, or find everything done; returns the manifest, and where the release is.

    Args:
        args: of the command line.
        settings: that determine D′.
        model: the target's files.
        output: where the release appears.
        console: where a person reads.
        begin: what comes first in the working directory, which is locked.

    Raises:
        MindTheGapError: with the exit code to leave with.
    """
    workspace = Workspace.of(output)
    workspace.settle(output)
    manifest = read_manifest(output)
    if manifest and "reselection" in manifest and not args.fresh:
        raise InputError(f"{output} was made by builder.reselect; choose another --output, or give --fresh")
    if manifest and not args.fresh and not workspace.goes_on(settings, manifest["settings"], output):
        console.print(f"{output} is finished already; nothing to do (--fresh starts over)", highlight=False)
        return manifest, output
    if args.release_now:
        from builder.building.write_release import release_now

        return release_now(settings, model, workspace, output)
    if args.ray:
        check_cluster(args.ray)
    with workspace.locked(fresh=args.fresh):
        begin(workspace)
        if workspace.claim(settings) is Change.JUDGED_AGAIN:
            console.print("settings have changed: stored samples are judged again", highlight=False)
        return _run(args, settings, model, output, workspace, console), output


def _run(
    args: argparse.Namespace, settings: Settings, model: Model, output: Path, workspace: Workspace, console: Console
) -> dict[str, Any]:
    """Build in a workspace that is locked and claimed; returns the manifest."""
    from builder.building.flow import Flow

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    try:
        with Flow(workspace, model.path) as flow:
            flow.warm_up()  # it imports beside us
            from builder.building.supervisor import Build
            from builder.engines.running import EngineChoice

            engine = EngineChoice(settings.engine, args.engine_url, args.trust_engine, say)
            session = args.concurrency, args.patience, args.ray, args.give_up_rows
            return Build(settings, model, output, workspace, flow, engine, *session, console).run()
    except KeyboardInterrupt:
        raise InterruptedBuildError("interrupted; everything finished is kept, the same command continues") from None
