"""Build D′: rewrite a dataset with the model that will be trained on it.

python -m builder.build --target llama-3.1-8b-instruct --limit 50000 --output releases/llama
"""

import argparse
import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from builder.arguments import parser, settings_from
from builder.config import Settings, Target, list_targets, load_target
from builder.errors import InputError, InterruptedBuildError
from builder.machine import cli

if TYPE_CHECKING:
    from rich.console import Console

    from builder.building.workspace import Workspace
    from builder.policy.models import Model
    from builder.publishing.publication import Publication


def main(arguments: list[str] | None = None) -> int:
    """Build, or say what would be built; returns the exit code.

    Raises:
        MindTheGapError: with the exit code to leave with.
    """
    args = parser().parse_args(arguments)
    if args.list_targets:
        for name in list_targets():
            target = load_target(name)
            print(f"{name:<24} {target.model}")
        return 0
    if not args.target:
        raise InputError(f"--target is missing (shipped: {', '.join(list_targets())})")
    target = load_target(args.target)
    return _build(args, target)


def _build(args: argparse.Namespace, target: Target) -> int:
    from rich.console import Console

    from builder.building.workspace import Workspace
    from builder.engines.urls import base_url
    from builder.policy.models import resolve_model
    from builder.release.manifest import read_manifest
    from builder.release.summary import print_summary
    from builder.release.tiers import Change
    from builder.steps.ray import check_cluster

    if args.release_now and (args.fresh or args.push_to_hub):
        raise InputError(
            "--release-now writes what is finished: --fresh would delete that first, and to publish an interim release "
            "there is builder.publish --interim"
        )
    console = Console(stderr=args.json, width=None if sys.stdout.isatty() else 110)
    publication = _publication(args, console)
    args.engine_url = [base_url(url) for url in args.engine_url]
    engine = _engine(args, target)
    model = resolve_model(target, weights=not (args.engine_url or args.dry_run or args.release_now))
    settings = settings_from(args, target, model.revision, engine)
    output = (args.output or _default_output(settings)).absolute()
    if args.dry_run:
        from builder.building.dry_run import dry_run

        return dry_run(settings, model, output, console)
    if publication:
        publication.check(settings.fingerprint)  # a long build must not fail at its end for want of a token

    workspace = Workspace.of(output)
    workspace.settle(output)
    manifest = read_manifest(output)
    if manifest and "reselection" in manifest and not args.fresh:
        raise InputError(f"{output} was made by builder.reselect; choose another --output, or give --fresh")
    if manifest and not args.fresh and not workspace.goes_on(settings, manifest["settings"], output):
        console.print(f"{output} is finished already; nothing to do (--fresh starts over)", highlight=False)
    elif args.release_now:
        from builder.building.write_release import release_now

        manifest, output = release_now(settings, model, workspace, output)
    else:
        if args.ray:
            check_cluster(args.ray)
        with workspace.locked(fresh=args.fresh):
            if workspace.claim(settings) is Change.JUDGED_AGAIN:
                console.print("settings have changed: stored samples are judged again", highlight=False)
            manifest = _run(args, settings, model, output, workspace, console)
    if args.json:
        print(json.dumps({"release": str(output), **manifest["summary"], "cost": manifest["cost"]}, indent=2))
    else:
        print_summary(console, manifest, output)
    if publication:
        from builder.release.open import open_release

        publication.run(open_release(str(output)))
    return 0


def _run(
    args: argparse.Namespace,
    settings: Settings,
    model: "Model",
    output: Path,
    workspace: "Workspace",
    console: "Console",
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


def _default_output(settings: Settings) -> Path:
    return Path("releases") / (settings.target.name + (settings.shard.suffix if settings.shard else ""))


def _publication(args: argparse.Namespace, console: "Console") -> "Publication | None":
    """Where the finished release goes; None if nowhere.

    Raises:
        InputError: the repository or the version cannot be used, or one is given without the other.
    """
    if not args.push_to_hub:
        if args.version or args.private:
            raise InputError("--version and --private are about publishing: give --push-to-hub USER/NAME too")
        return None
    if not args.version:
        raise InputError("--push-to-hub needs the version to publish: --version 1.0.0")
    from builder.hub import check_repo
    from builder.publishing.publication import Publication
    from builder.publishing.versions import parse_version

    return Publication(check_repo(args.push_to_hub), parse_version(args.version), console, private=args.private)


def _engine(args: argparse.Namespace, target: Target) -> str:
    """The engine to use; what draws nothing may be about a target that this machine cannot run."""
    from builder.engines.servers import choose_engine

    if args.engine_url or ((args.dry_run or args.release_now) and target.gpu_memory_gib):
        return "vllm"
    return choose_engine(args.engine, target)


def _terminate(signum: int, frame: FrameType | None) -> None:
    """Treat a polite kill like Ctrl-C: stop the children, keep what is finished."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    cli.run(main)
