"""Compare two releases: rows, stages, texts, log-probs, settings.

python -m builder.diff you/llama-d-prime@v1.0.0 releases/llama
"""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from builder.errors import EXIT_CODES
from builder.machine import cli
from builder.machine.display import plain_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from builder.release.comparison import Comparison

_FEW = 5  # ids shown as examples

_EPILOG = f"""\
examples:
  # what a new build changes in what is published, and which version that makes
  python -m builder.diff you/llama-d-prime@v1.0.0 releases/llama

  # everything, with all ids
  python -m builder.diff releases/old releases/new --json

A release is a directory, or a dataset repository with its version, USER/NAME@v1.0.0. Rows are matched by id.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser("python -m builder.diff", "Say how release B differs from release A.", _EPILOG)
    p.add_argument("before", metavar="A", help="directory or USER/NAME@VERSION")
    p.add_argument("after", metavar="B", help="directory or USER/NAME@VERSION")
    p.add_argument("--json", action="store_true", help="print everything as JSON, with the ids of all rows")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Compare and print; returns the exit code.

    Raises:
        MindTheGapError: one of them is no release, or cannot be reached.
    """
    args = parser().parse_args(arguments)
    from builder.release.comparison import compare_releases
    from builder.release.open import open_release

    comparison = compare_releases(open_release(args.before), open_release(args.after))
    if args.json:
        print(json.dumps(comparison.as_json(), indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        _show(comparison, Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 110))
    return 0


def _show(found: "Comparison", console: "Console") -> None:
    def say(text: str = "") -> None:
        console.print(text, markup=False)

    rows = found.rows
    say(f"{found.before} -> {found.after}")
    say()
    say(f"rows       {rows['before']:,} before, {rows['after']:,} after, {rows['common']:,} of them the same problems")
    for name, ids in (("added", found.added), ("removed", found.removed)):
        say(f"{name:<11}{_listing(ids)}")
    say(f"{'stage':<11}{_listing(found.moved)}")
    for (before, after), n in found.stages.items():
        say(f"{'':<11}{n:,} from {before} to {after}")
    say(f"{'text':<11}{_listing(found.rewritten)}")
    if found.logprobs:
        policy = (
            "the same policy" if found.same_policy else "two different policies: a shift is not one of the text alone"
        )
        say(f"\nMean policy log-prob of rows in both, nats, by stage after ({policy})")
        console.print(_logprob_table(found))
    for title, lines in (("settings that differ", found.settings), ("columns that differ", found.schema)):
        if lines:
            say(f"\n{title}")
            for line in lines:
                say(f"  {line}")
    say(f"\nversion    {_advice(found)}")


def _advice(found: "Comparison") -> str:
    if found.bump == "none":
        return "the same release: no new version"
    return f"at least a {found.bump} step (docs/publishing.md)"


def _listing(ids: list[str]) -> str:
    """`3 rows (a, b, c)`, with a few examples where there are many."""
    if not ids:
        return "0 rows"
    return f"{len(ids):,} rows ({', '.join(ids[:_FEW])}{', ...' if len(ids) > _FEW else ''})"


def _logprob_table(found: "Comparison") -> "Table":
    parts = (f"{name} {part}" for name in ("sum", "per token") for part in ("before", "after", "shift"))
    table = plain_table("stage", "rows", *parts)
    for stage, values in found.logprobs.items():
        numbers = [values[name][part] for name in ("sum", "per_token") for part in ("before", "after", "shift")]
        table.add_row(stage, f"{values['rows']:,}", *(f"{number:+,.3f}" for number in numbers))
    return table


if __name__ == "__main__":
    cli.run(main)
