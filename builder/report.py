"""See whether it worked: one HTML file about a release, an unfinished build, or two of them side by side.

python -m builder.report releases/demo
"""

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
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

  # two releases side by side, with the rows that changed
  python -m builder.report you/d-prime@v1.0.0 releases/demo

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
    p.add_argument("other", metavar="B", nargs="?", help="another, to stand beside the first")
    p.add_argument(
        "--output", type=Path, metavar="F.html", help="default: beside the (last) release, as NAME.report.html"
    )
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
    if args.other and args.plots:
        raise InputError("--plots are of one release; give it alone")
    output = args.output or _beside(args.release, args.other)
    if not output.parent.is_dir() or output.is_dir():
        raise InputError(f"--output {output}: must be a file in a folder that exists")
    with ExitStack() as stack:
        releases = [stack.enter_context(_opened(name)) for name in (args.release, args.other) if name]
        if args.other:
            _report_pair(*releases, output, args.examples)
        else:
            _report(*releases, output, args.examples, args.plots)
    return 0


def _opened(name: str) -> AbstractContextManager["Release"]:
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

    with _pace(release) as advance:
        statistics = collect(release, advance)
    drawn = draw(release, examples, release.manifest["seed"])
    write_atomically(output, render(release, statistics, drawn))
    if said := interim(release.manifest):
        print(said)
    print(f"{output}  {_megabytes(output)}, {len(drawn.rows):,} of {drawn.total:,} rows to browse")
    if plots:
        for plot in write_plots(release, statistics, plots):
            print(plot.file)


def _report_pair(before: "Release", after: "Release", output: Path, examples: int) -> None:
    from builder.machine.atomic import write_atomically
    from builder.reporting.pair import changed_rows, pair_of
    from builder.reporting.pair_page import headline, render_pair

    with _pace(before, after) as advance:
        pair = pair_of(before, after, advance)
    rows = changed_rows(pair, examples)
    write_atomically(output, render_pair(pair, rows))
    print(headline(pair))
    print(f"{output}  {_megabytes(output)}, {len(rows):,} changed rows to browse")


def _pace(*releases: "Release") -> AbstractContextManager[Callable[[int], None]]:
    rows = sum(release.manifest["summary"]["stages"]["all"] for release in releases)
    return pace_on_stderr(rows, "rows", "all rows read")


def _megabytes(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"


def _beside(release: str, other: str | None) -> Path:
    """A local release's file stands beside it, a remote one's here; that of two beside the other."""
    last = other or release
    folder = Path(last).absolute().parent if Path(last).is_dir() else Path()
    names = [Path(name).absolute().name.replace("@", "-") for name in (release, other) if name]
    return folder / f"{'-and-'.join(names)}.report.html"


if __name__ == "__main__":
    cli.run(main)
