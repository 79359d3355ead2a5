"""Every selection of one release, side by side: what ten releases from one paid build differ in.

python -m scripts.selections releases/demo --output releases/demo-selections

Policies that the release lacks something for are named with the reason. The releases stay where they were made.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

from builder.errors import InputError
from builder.machine import cli
from builder.method.choosing.policies import POLICIES
from builder.release.open import Release, open_release
from builder.reselect import main as reselect
from builder.texts.ngrams import word_ngrams

_NGRAM = 4  # words
_COLUMNS = ("policy", "rows", "self / guided / fallback", "tokens", "log-prob a token", "excess surprisal a token",
            "different 4-grams")  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser("python -m scripts.selections", __doc__)
    p.add_argument("release", metavar="RELEASE", help="directory, or a published one as USER/NAME@vX.Y.Z")
    p.add_argument("--output", required=True, type=Path, metavar="DIR", help="where the releases appear, one a policy")
    return p


def described(release: Release) -> list[str]:
    """The cells of a release, but for its name: means are over all tokens, nats."""
    rows = release.scan("default").select("stage", "completion", "completion_tokens", "policy_logprob",
                                          "excess_surprisal").collect()  # fmt: skip
    stages = release.manifest["summary"]["stages"]
    tokens, measured = rows["completion_tokens"].sum(), rows.drop_nulls("excess_surprisal")
    known = measured["completion_tokens"].sum()
    excess = f"{measured['excess_surprisal'].sum() / known:+.3f}" if known else "-"
    if len(measured) < len(rows):
        excess += f" ({len(measured):,} rows)"
    return [
        f"{len(rows):,}",
        " / ".join(f"{stages[stage]:,}" for stage in ("self_alignment", "guided_alignment", "fallback")),
        f"{tokens:,}",
        f"{rows['policy_logprob'].sum() / tokens:.3f}",
        excess,
        f"{distinct(turns[0]['content'] for turns in rows['completion']):.1%}",
    ]


def distinct(texts: Iterable[str]) -> float:
    """Share of different word 4-grams among all of some texts: the less they repeat each other, the larger."""
    grams = [gram for text in texts for gram in word_ngrams(text, _NGRAM)]
    return len(set(grams)) / len(grams) if grams else 0.0


def main(arguments: list[str] | None = None) -> int:
    """Select by every policy, and print the table; returns the exit code."""
    args = parser().parse_args(arguments)
    table, lacking = [["as built", *described(open_release(args.release, configs=("default",)))]], []
    for policy in POLICIES:
        output = args.output / policy
        try:
            reselect([args.release, "--policy", policy, "--output", str(output)])
        except InputError as reason:
            lacking.append(f"{policy}: {reason}")
        else:
            table.append([policy, *described(open_release(str(output)))])
    lines = [_COLUMNS, ["---", *["---:"] * (len(_COLUMNS) - 1)], *table]
    print("\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
    print("\n".join(lacking))
    return 0


if __name__ == "__main__":
    cli.run(main)
