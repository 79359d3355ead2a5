"""Verdicts a second of the verifier against plain math-verify: python -m scripts.bench_verifier DIR...

On all responses of releases (config `candidates`) or evaluations (`samples.parquet`), in the order of their problems:

- math-verify: its `verify(parse(gold), parse(response))` in a loop, as its documentation has it;
- our rule: `grade` in a loop, in this process;
- pool: the same in the Verifier's worker processes, every response for itself, nothing remembered;
- verifier: `Verifier.verdicts`, in batches as a build asks it, with its cache.

All but the first must give the same verdicts; where the first one differs in what is correct, it is counted and the
first cases are shown. Workers are started, and math-verify is warm, before the clock starts.
"""

import argparse
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from builder import cli
from builder.answers import graded_text
from builder.errors import InputError
from builder.releases import open_release
from builder.verification.grading import grade
from builder.verification.pool import KillablePool
from builder.verifier import Verifier, verifier_version

Pair = tuple[str, str]  # gold and response

BATCH = 240  # responses that the verifier is asked for at once
SHOWN = 5


def responses(path: Path) -> list[Pair]:
    """Gold and text of every response of a release or an evaluation, those of a problem beside each other.

    Raises:
        InputError: it is neither.
    """
    if (path / "samples.parquet").is_file():
        frame = pl.read_parquet(path / "samples.parquet").select("gold", "text")
    elif (path / "manifest.json").is_file():
        release = open_release(str(path), configs=("default", "candidates"))
        golds = release.scan("default").select("id", pl.col("answer").alias("gold"))
        candidates = release.scan("candidates").select("id", "text")
        frame = candidates.join(golds, on="id", maintain_order="left").select("gold", "text").collect()
    else:
        raise InputError(f"{path} is neither a release nor an evaluation")
    return frame.filter(pl.col("gold").is_not_null()).rows()


def plain(pairs: Sequence[Pair]) -> list[bool]:
    """Math-verify alone: whether each response is right."""
    from math_verify import parse, verify

    return [verify(parse(rf"\boxed{{{gold}}}"), parse(text)) for gold, text in pairs]


def ours(pairs: Sequence[Pair]) -> list[str]:
    """Our rule, one response after the other."""
    return [grade((gold, text)) if text else "no_answer" for gold, text in _graded(pairs)]


def pooled(pool: KillablePool, pairs: Sequence[Pair]) -> list[str]:
    """Our rule in worker processes; nothing is remembered."""
    keys = _graded(pairs)
    verdicts = iter(pool.map(grade, [key for key in keys if key[1]]))
    return [next(verdicts) if key[1] else "no_answer" for key in keys]


def remembered(verifier: Verifier, pairs: Sequence[Pair]) -> list[str]:
    """What a build does."""
    return [v for start in range(0, len(pairs), BATCH) for v in verifier.verdicts(pairs[start : start + BATCH])]


def _graded(pairs: Sequence[Pair]) -> list[Pair]:
    return [(gold, graded_text(text)) for gold, text in pairs]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of docs/performance.md; returns the exit code.

    Raises:
        InputError: a directory holds no responses.
    """
    p = argparse.ArgumentParser(
        prog="python -m scripts.bench_verifier",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("paths", nargs="+", type=Path, metavar="DIR", help="release or evaluation")
    p.add_argument("--workers", type=int, default=os.cpu_count(), metavar="N", help="default: one for each CPU")
    args = p.parse_args(arguments)
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    pairs = [pair for path in args.paths for pair in responses(path)]
    asked = [key for key in _graded(pairs) if key[1]]
    print(
        f"{verifier_version()}; {len(pairs):,} responses, {len(asked):,} with a text to grade, "
        f"{len(set(asked)):,} of these different\n"
    )
    warm = [("3", r"\boxed{3}"), (r"\frac12", "The answer is 0.5.")] * 50
    with Verifier(args.workers) as verifier:
        pool = KillablePool(args.workers, deadline=5.0)
        ways: dict[str, Callable[[Sequence[Pair]], Sequence[bool | str]]] = {
            "math-verify": plain,
            "our rule": ours,
            f"pool, {args.workers} workers": lambda some: pooled(pool, some),
            f"verifier, {args.workers} workers, cache": lambda some: remembered(verifier, some),
        }
        print("| way | seconds | verdicts/s | of math-verify's |\n| --- | ---: | ---: | ---: |")
        results, rates = [], []
        for name, way in ways.items():
            way(warm)
            began = time.perf_counter()
            results.append(way(pairs))
            seconds = time.perf_counter() - began
            rates.append(len(pairs) / seconds)
            print(f"| {name} | {seconds:.2f} | {rates[-1]:,.0f} | {rates[-1] / rates[0]:.2f} |", flush=True)
        pool.close()
    reference, *verdicts = results
    same = all(found == verdicts[0] for found in verdicts)
    print(f"\nverdicts of our rule, the pool and the verifier are {'the same' if same else 'NOT the same'}")
    other = [
        (pair, verdict)
        for pair, right, verdict in zip(pairs, reference, verdicts[0], strict=True)
        if right != (verdict == "correct")
    ]
    print(f"math-verify alone takes another answer for correct in {len(other):,} of {len(pairs):,} cases")
    for (gold, text), verdict in other[:SHOWN]:
        print(f"- ours {verdict}: gold {gold!r}, response ends {text[-80:]!r}")
    return 0 if same else 1


if __name__ == "__main__":
    cli.run(main)
