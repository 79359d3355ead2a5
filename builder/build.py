"""Build D′: rewrite a dataset with the model that will be trained on it.

python -m builder.build --target llama-3.1-8b-instruct --limit 50000 --output releases/llama
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from builder.arguments import parser
from builder.config import Settings, Target, list_targets, load_target
from builder.errors import InputError
from builder.machine import cli
from builder.machine.interrupts import interrupt_when_terminated

if TYPE_CHECKING:
    from rich.console import Console

    from builder.publishing.publication import Publication


def main(arguments: list[str] | None = None) -> int:
    """Build, or say what would be built; returns the exit code.

    Raises:
        MindTheGapError: with the exit code to leave with.
    """
    args = parser().parse_args(arguments)
    if args.list_targets:
        for name in list_targets():
            print(f"{name:<24} {load_target(name).model}")
        return 0
    if not args.target:
        raise InputError(f"--target is missing (shipped: {', '.join(list_targets())})")
    from builder.policy.derive import as_yaml, target_named

    target = target_named(args.target)
    if args.print_target:
        print(as_yaml(target), end="")
        return 0
    return _build(args, target)


def _build(args: argparse.Namespace, target: Target) -> int:
    from rich.console import Console

    from builder.building.session import built, planned
    from builder.release.summary import print_summary

    if args.release_now and (args.fresh or args.push_to_hub):
        raise InputError(
            "--release-now writes what is finished: --fresh would delete that first, and to publish an interim release "
            "there is builder.publish --interim"
        )
    if args.probe is not None and (args.probe < 2 or not args.dry_run):
        raise InputError(f"--probe {args.probe}: say --dry-run --probe N, of two rows or more")
    console = Console(stderr=args.json, width=None if sys.stdout.isatty() else 110)
    publication = _publication(args, console)
    settings, model = planned(args, target)
    output = (args.output or _default_output(settings)).absolute()
    if args.dry_run:
        from builder.building.dry_run import dry_run

        rows = dry_run(settings, model, output, console)
        if args.probe:
            from builder.building.probe import probe

            probe(args, settings, model, output, rows, console)
        return 0
    if publication:
        publication.check(settings.fingerprint)  # a long build must not fail at its end for want of a token
    manifest, output = built(args, settings, model, output, console)
    if args.json:
        print(json.dumps({"release": str(output), **manifest["summary"], "cost": manifest["cost"]}, indent=2))
    else:
        print_summary(console, manifest, output)
    if publication:
        from builder.release.open import open_release

        publication.run(open_release(str(output)))
    return 0


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


if __name__ == "__main__":
    interrupt_when_terminated()
    cli.run(main)
