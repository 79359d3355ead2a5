"""Keep other candidates of a finished release, without an engine: ten releases for the price of one.

python -m builder.reselect releases/llama --policy grape --output releases/llama-grape
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import EXIT_CODES, InputError
from builder.machine import cli
from builder.method.choosing.policies import POLICIES
from builder.release.reselection import Reselection

if TYPE_CHECKING:
    from rich.console import Console

    from builder.release.open import Release

KEEP = 4  # rows of a problem, where a policy may keep several

_EPILOG = f"""\
policies: of a problem's acceptable candidates (its own answers or, without any, its retellings) keep
{chr(10).join(f"  {name:<10} {policy.meaning}" for name, policy in POLICIES.items())}
Where nothing is acceptable, the expert's text stays. builder/method/choosing/policies.py cites where each comes from.

examples:
  python -m builder.reselect releases/llama --policy grape --output releases/llama-grape

  # four different answers to each problem that the model solves sometimes, from a published version
  python -m builder.reselect you/llama-d-prime@v1.0.0 --policy diverse --keep 4 --pass-rate 0.1 0.9 \\
      --output releases/llama-diverse

A second row of a problem has the id ID#2. Problems that are left out stand in the config rejected, as not_chosen.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser("python -m builder.reselect", "Keep other candidates of a release, without an engine.", _EPILOG)
    p.add_argument("release", metavar="RELEASE", help="directory, or a published one as USER/NAME@vX.Y.Z")
    p.add_argument("--policy", required=True, choices=tuple(POLICIES), help="which candidate is kept; see below")
    p.add_argument("--output", required=True, type=Path, metavar="DIR", help="where the new release appears")
    p.add_argument("--keep", type=int, metavar="K", help=f"rows of a problem at most, for policies that keep several "
                   f"(default: {KEEP})")  # fmt: skip
    p.add_argument("--with-expert", action="store_true", help="grape: let the expert's text take part")
    p.add_argument("--pass-rate", nargs=2, type=float, metavar=("LO", "HI"),
                   help="only problems with such a share of correct own answers, from 0 to 1")  # fmt: skip
    p.add_argument("--fresh", action="store_true", help="replace the release that is there")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Choose again; returns the exit code.

    Raises:
        InputError: the release lacks what the choice is made of, or the options do not go together.
    """
    args = parser().parse_args(arguments)
    reselection = _reselection(args)
    from rich.console import Console

    from builder.release.open import open_release
    from builder.release.summary import print_summary

    console = Console(width=None if sys.stdout.isatty() else 110)
    output, release = args.output.absolute(), open_release(args.release)
    manifest = _reselect(release, reselection, output, console, fresh=args.fresh)
    print_summary(console, manifest, output)
    made = manifest["reselection"]
    console.print(
        f"{'policy':<12}{reselection.in_words}: of {made['problems']:,} problems {made['changed']:,} keep another text "
        f"than in {made['parent']['name']}, {made['left_out']:,} are left out", highlight=False, soft_wrap=True
    )  # fmt: skip
    return 0


def _reselection(args: argparse.Namespace) -> Reselection:
    policy = POLICIES[args.policy]
    if args.keep is not None and not policy.keeps_many:
        many = ", ".join(name for name, other in POLICIES.items() if other.keeps_many)
        raise InputError(f"--keep has no effect on --policy {args.policy}, which keeps one text; it is for {many}")
    if args.keep is not None and args.keep < 1:
        raise InputError(f"--keep {args.keep}: it must be at least 1")
    if args.with_expert and args.policy != "grape":
        raise InputError(f"--with-expert has no effect on --policy {args.policy}; it is for grape")
    band = tuple(args.pass_rate) if args.pass_rate else None
    if band and not 0 <= band[0] <= band[1] <= 1:
        raise InputError(f"--pass-rate {band[0]:g} {band[1]:g}: two shares from 0 to 1, the lower one first")
    keep = (args.keep or KEEP) if policy.keeps_many else None
    return Reselection(args.policy, keep, args.with_expert, band)


def _reselect(
    release: "Release", reselection: Reselection, output: Path, console: "Console", *, fresh: bool
) -> dict[str, Any]:
    """Choose again unless that was done before; returns the manifest."""
    from builder.building.derived import derived
    from builder.release.reselection import is_made, refuse_what_is_lacking

    refuse_what_is_lacking(release, reselection)

    def write(scratch: Path) -> dict[str, Any]:
        return _write(release, reselection, scratch, console)

    def same(manifest: dict[str, Any]) -> bool:
        return is_made(manifest, release, reselection)

    return derived(output, [release], write, same, console, fresh=fresh)


def _write(release: "Release", reselection: Reselection, scratch: Path, console: "Console") -> dict[str, Any]:
    from builder.machine.display import PaceDisplay
    from builder.release.files import finish
    from builder.release.reselection import reselected_manifest
    from builder.release.rewriting import rewrite
    from builder.release.summary import summarize
    from builder.reporting.static_plots import with_plots

    with PaceDisplay(console, release.manifest["summary"]["stages"]["all"], "rows", "all rows written") as display:
        counts = rewrite(release, reselection, scratch, display.advance)
    content = reselected_manifest(release, reselection, summarize(scratch), counts)
    return finish(scratch, with_plots(scratch, content))


if __name__ == "__main__":
    cli.run(main)
