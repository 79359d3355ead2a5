"""Make the shards of a build one release, the same row for row as if it had been built at once.

python -m builder.merge releases/qwen-shard-*-of-8 --output releases/qwen
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import EXIT_CODES, InputError
from builder.machine import cli

if TYPE_CHECKING:
    from rich.console import Console

    from builder.release.open import Release

_EPILOG = f"""\
examples:
  # eight machines have each built one shard of the same sample
  python -m builder.build --target qwen2.5-math-7b --limit 50000 --shard 1/8     # ... to 8/8
  python -m builder.merge releases/qwen2.5-math-7b-shard-*-of-8 --output releases/qwen2.5-math-7b

All shards must be there, each once, complete, and of the same settings. The release then has the settings of the whole
build: the build's command without --shard calls it finished. docs/clusters.md has a job script for Slurm.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser("python -m builder.merge", "Make the shards of a build one release.", _EPILOG)
    p.add_argument("shards", nargs="+", type=Path, metavar="SHARD_DIR", help="release of one shard; all of them")
    p.add_argument("--output", required=True, type=Path, metavar="DIR", help="where the release appears")
    p.add_argument("--fresh", action="store_true", help="replace the release that is there")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Merge; returns the exit code.

    Raises:
        InputError: the directories are not all shards of one build, each complete.
    """
    args = parser().parse_args(arguments)
    from rich.console import Console

    from builder.release.shards import in_order
    from builder.release.summary import print_summary

    console = Console(width=None if sys.stdout.isatty() else 110)
    output = args.output.absolute()
    releases = in_order([_open(path) for path in args.shards])
    print_summary(console, _merge(releases, output, console, fresh=args.fresh), output)
    return 0


def _open(path: Path) -> "Release":
    from builder.release.open import open_release

    if not path.is_dir():
        raise InputError(f"{path} is not a directory; has that shard been built?")
    return open_release(str(path))


def _merge(releases: "Sequence[Release]", output: Path, console: "Console", *, fresh: bool) -> dict[str, Any]:
    """Merge unless that was done before; returns the manifest of the whole."""
    from builder.building.derived import derived
    from builder.release.shards import identities, refuse_repeated_ids

    def write(scratch: Path) -> dict[str, Any]:
        refuse_repeated_ids(releases)
        return _write(releases, scratch, console)

    def same(manifest: dict[str, Any]) -> bool:
        return [shard["manifest"] for shard in manifest.get("shards", [])] == identities(releases)

    return derived(output, releases, write, same, console, fresh=fresh)


def _write(releases: "Sequence[Release]", scratch: Path, console: "Console") -> dict[str, Any]:
    from builder.machine.display import PaceDisplay
    from builder.release.files import finish
    from builder.release.records import CONFIGS
    from builder.release.shards import merged_manifest
    from builder.release.summary import rows_by_config, summarize
    from builder.reporting.static_plots import with_plots

    total = sum(sum(rows_by_config(release.manifest["summary"]).values()) for release in releases)
    with PaceDisplay(console, total, "rows", "all rows written") as display:
        for config in CONFIGS:
            _concatenate(releases, config, scratch, display.advance)
    summary = summarize(scratch)
    if not summary["stages"]["all"]:
        raise InputError("no shard has any row: nothing of the source is left to build")
    return finish(scratch, with_plots(scratch, merged_manifest(releases, summary)))


def _concatenate(releases: "Sequence[Release]", config: str, scratch: Path, advance: Callable[[int], None]) -> None:
    """Stream one config of all shards, in order, into the new release."""
    from builder.release.files import batches, config_writer

    with config_writer(scratch, config) as writer:
        for release in releases:
            for table in batches(release, config):
                writer.add_table(table)
                advance(len(table))


if __name__ == "__main__":
    cli.run(main)
