"""See whether it worked: one HTML file about a release.

python -m builder.report releases/demo
"""

import argparse
from pathlib import Path

from builder.errors import InputError
from builder.machine import cli
from builder.machine.display import pace_on_stderr

_EPILOG = """\
examples:
  # releases/demo.report.html, to open in a browser, send or archive: it needs no network and no other file
  python -m builder.report releases/demo

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
    p.add_argument("release", metavar="RELEASE", help="directory of a release, or namespace/name@version on the Hub")
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
    """
    args = parser().parse_args(arguments)
    if args.examples < 0:
        raise InputError(f"--examples {args.examples}: must not be negative")
    from builder.release.open import open_release

    release = open_release(args.release)
    output = args.output or _beside(args.release)
    if not output.parent.is_dir() or output.is_dir():
        raise InputError(f"--output {output}: must be a file in a folder that exists")

    from builder.machine.atomic import write_atomically
    from builder.reporting.examples import draw
    from builder.reporting.page import render
    from builder.reporting.static_plots import write_plots
    from builder.reporting.statistics import collect

    with pace_on_stderr(release.manifest["summary"]["stages"]["all"], "rows", "all rows read") as advance:
        statistics = collect(release, advance)
    examples = draw(release, args.examples, release.manifest["seed"])
    write_atomically(output, render(release, statistics, examples))
    size = output.stat().st_size / 1e6
    print(f"{output}  {size:.1f} MB, {len(examples.rows):,} of {examples.total:,} rows to browse")
    if args.plots:
        for plot in write_plots(release, statistics, args.plots):
            print(plot.file)
    return 0


def _beside(release: str) -> Path:
    """A local release's file stands beside it, a remote one's here."""
    if Path(release).is_dir():
        path = Path(release).absolute()
        return path.with_name(f"{path.name}.report.html")
    return Path(f"{release.split('/')[-1].replace('@', '-')}.report.html")


if __name__ == "__main__":
    cli.run(main)
