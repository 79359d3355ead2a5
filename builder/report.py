"""See whether it worked: one HTML file about a release, or about a build that is not finished.

python -m builder.report releases/demo
"""

import argparse
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from builder.errors import InputError
from builder.machine import cli
from builder.machine.display import pace_on_stderr

if TYPE_CHECKING:
    from builder.release.open import Release

_EPILOG = """\
examples:
  # releases/demo.report.html, to open in a browser, send or archive: it needs no network and no other file
  python -m builder.report releases/demo

  # what a build has finished so far; it may be running, and does not notice
  python -m builder.report releases/demo.work

  # a version on the Hub
  python -m builder.report you/d-prime@v1.0.0 --output d-prime.html

  # the main plots as SVG files too, for a card or a paper
  python -m builder.report releases/demo --plots releases/demo.plots

All statistics are about all rows. Of the rows themselves the file holds a random sample with all candidates
(--examples); that is what decides how large it is."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser(
        "python -m builder.report",
        "Report on a release in one self-contained HTML file: rows by stage, the policy gap before and "
        "after, importance weights and effective sample size, pass rates, verdicts, cost, settings, examples.",
        _EPILOG,
    )
    p.add_argument(
        "release",
        metavar="RELEASE",
        help="directory of a release, namespace/name@version on the Hub, or DIR.work of an unfinished build",
    )
    p.add_argument("--output", type=Path, metavar="F.html", help="default: beside the release, as NAME.report.html")
    p.add_argument(
        "--examples", type=int, default=500, metavar="N", help="rows to browse, at most (default: %(default)s)"
    )
    p.add_argument("--plots", type=Path, metavar="DIR", help="also write the main plots there, as SVG files")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Write the report; returns the exit code.

    Raises:
        InputError: the release cannot be read, or the output not be written.
        UnfinishedError: no row of an unfinished build is finished.
    """
    args = parser().parse_args(arguments)
    if args.examples < 0:
        raise InputError(f"--examples {args.examples}: must not be negative")
    output = args.output or _beside(args.release)
    if not output.parent.is_dir() or output.is_dir():
        raise InputError(f"--output {output}: must be a file in a folder that exists")
    with _opened(args.release) as release:
        _report(release, output, args.examples, args.plots)
    return 0


def _opened(name: str) -> "AbstractContextManager[Release]":
    """A release, or what is finished of one."""
    from builder.building.workspace import Workspace
    from builder.building.write_release import release_so_far
    from builder.release.open import open_release

    if Workspace(Path(name)).settings_file.is_file():
        return release_so_far(Path(name))
    if not Path(name).exists() and Workspace.of(Path(name)).settings_file.is_file():
        raise InputError(f"{name} is not finished; what there is so far: python -m builder.report {name}.work")
    return nullcontext(open_release(name))


def _report(release: "Release", output: Path, examples: int, plots: Path | None) -> None:
    from builder.machine.atomic import write_atomically
    from builder.reporting.examples import draw
    from builder.reporting.findings import interim
    from builder.reporting.page import render
    from builder.reporting.static_plots import write_plots
    from builder.reporting.statistics import collect

    with pace_on_stderr(release.manifest["summary"]["stages"]["all"], "rows", "all rows read") as advance:
        statistics = collect(release, advance)
    drawn = draw(release, examples, release.manifest["seed"])
    write_atomically(output, render(release, statistics, drawn))
    if said := interim(release.manifest):
        print(said)
    size = output.stat().st_size / 1e6
    print(f"{output}  {size:.1f} MB, {len(drawn.rows):,} of {drawn.total:,} rows to browse")
    if plots:
        for plot in write_plots(release, statistics, plots):
            print(plot.file)


def _beside(release: str) -> Path:
    """A local release's file stands beside it, a remote one's here."""
    if Path(release).is_dir():
        path = Path(release).absolute()
        return path.with_name(f"{path.name}.report.html")
    return Path(f"{release.split('/')[-1].replace('@', '-')}.report.html")


if __name__ == "__main__":
    cli.run(main)
