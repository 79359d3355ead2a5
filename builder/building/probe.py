"""`--dry-run --probe N`: build N of the rows, and say what all of them will take."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from builder.building.session import built
from builder.building.workspace import Workspace
from builder.config import Settings
from builder.errors import InputError
from builder.machine.display import duration, from_here, plain_table
from builder.policy.models import Model
from builder.release.manifest import read_manifest
from builder.release.open import Release, open_release
from builder.release.records import STAGES
from builder.reporting.means import Mean

if TYPE_CHECKING:
    from rich.console import Console


def probe(
    args: argparse.Namespace, settings: Settings, model: Model, output: Path, total: int, console: "Console"
) -> None:
    """Build the first rows of a build that has not begun, and print what all of it will take.

    A larger sample of the source holds the smaller one of the same seed, so the build draws none of these rows again.

    Args:
        args: of the command line.
        settings: of the whole build.
        model: the target's files.
        output: where its release will be; that of the probe is there first.
        total: rows of the whole build.
        console: where a person reads.

    Raises:
        InputError: there is more than a probe already.
        MindTheGapError: with the exit code to leave with.
    """
    few = settings.model_copy(update={"limit": min(args.probe, settings.limit or args.probe)})
    earlier = Workspace.of(output).begun() or (read_manifest(output) or {}).get("settings")
    if earlier and not args.fresh and earlier["limit"] != few.limit:
        raise InputError(f"--probe: there is more than a probe of {few.limit} rows in {from_here(output)} already")
    manifest, place = built(args, few, model, output, console)
    release = open_release(str(place))
    places = {"release": release.path, "working directory": Workspace.of(output).root}
    _show(release, manifest["cost"], {name: _bytes(place) for name, place in places.items()}, total, console)


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _show(release: Release, cost: dict[str, float], disk: dict[str, int], total: int, console: "Console") -> None:
    stages, tokens = _rows(release)
    rows = len(tokens)
    table = plain_table("of all rows", f"{total:,}", "95 % interval")
    for stage in STAGES:
        share = Mean.of([float(of == stage) for of in stages], [1] * rows)
        low, high = max(0.0, share.low), min(1.0, share.high)
        table.add_row(stage, f"{share.value:.0%}", f"{low:.0%} to {high:.0%}")
    sampled, factor = Mean.of(tokens, [1] * rows), total / rows
    pace = cost["sampled_tokens"] / cost["seconds"] if cost["seconds"] else 0.0
    between = (max(0.0, sampled.low) * total, sampled.high * total)
    table.add_row("tokens sampled", f"{sampled.value * total:,.0f}", "{:,.0f} to {:,.0f}".format(*between))
    table.add_row("tokens scored", f"{cost['scored_tokens'] * factor:,.0f}", "")
    if pace:
        low, high = (duration(tokens / pace) for tokens in between)
        table.add_row("time, as fast as here", duration(sampled.value * total / pace), f"{low} to {high}")
    for name, taken in disk.items():
        table.add_row(f"disk, {name}", f"{taken * factor / 1e6:,.1f} MB", "")
    console.print(f"\n[bold]What the build will take, from {rows:,} of its rows[/bold]", highlight=False)
    console.print(table)
    console.print(
        f"The probe is {from_here(release.path)}; the build goes on from there. An engine with more places than the "
        "probe had samples is faster than this.",
        highlight=False,
        soft_wrap=True,
    )


def _rows(release: Release) -> tuple[list[str], list[int]]:
    """Of each row its stage, and the tokens that were sampled for it."""
    import polars as pl

    drawn = release.scan("candidates").group_by("id").agg(pl.col("tokens").sum())
    rows = release.scan("default").select("id", "stage").join(drawn, on="id", how="left").collect()
    return rows["stage"].to_list(), rows["tokens"].fill_null(0).to_list()
