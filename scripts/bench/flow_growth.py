"""How a whole build grows with the number of rows, from the command line to the finished release.

python -m scripts.bench.flow_growth                    # 2,000, 5,000 and 10,000 rows: some five minutes
python -m scripts.bench.flow_growth 10000 50000 200000 # 40 minutes, 12 GB of temporary files

The engine answers at once (`scripts.standins.instant_engine`), so that all of the time is ours: 10 candidates a problem
and as many retellings for half of the problems, of 400 tokens each. A straight line through all sizes gives what
860,000 rows would take.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from builder.machine import cli
from scripts.bench.growth import TARGET_ROWS, fitted
from scripts.bench.instant_build import InstantBuild, instant_engine, run_build


def table(builds: Sequence[InstantBuild]) -> str:
    """Every build, and the lines through their times and their memory, in Markdown."""
    lines = [
        "| rows | candidates | seconds | tokens/s | CPU seconds | memory, GB | journal, bytes a candidate |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for build in builds:
        used = build.usage
        lines.append(
            f"| {build.rows:,} | {build.candidates:,} | {used.seconds:,.1f} | {build.tokens / used.seconds:,.0f} "
            f"| {used.cpu_seconds:,.1f} | {used.proportional_bytes / 1e9:.2f} "
            f"| {build.journal_bytes / build.candidates:,.0f} |"
        )
    if len(builds) > 1:
        rows, used = [build.rows for build in builds], [build.usage for build in builds]
        seconds, straight = fitted(rows, [u.seconds for u in used])
        cpu, _ = fitted(rows, [u.cpu_seconds for u in used])
        memory, _ = fitted(rows, [u.proportional_bytes / 1e9 for u in used])
        lines.append(
            f"| *{TARGET_ROWS:,}* | | *{seconds:,.0f}* (r² {straight:.4f}) | | *{cpu:,.0f}* | *{memory:.2f}* | |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = cli.parser("python -m scripts.bench.flow_growth", __doc__)
    parser.add_argument("rows", type=int, nargs="*", default=[2_000, 5_000, 10_000], help="sizes, ascending")
    parser.add_argument("--tokens", type=int, default=400, help="tokens a candidate (default: %(default)s)")
    parser.add_argument("--concurrency", type=int, default=512, help="sequences in flight (default: %(default)s)")
    args = parser.parse_args()
    builds: list[InstantBuild] = []
    for rows in args.rows:
        # Each build has a directory and an engine of its own; its gigabytes are gone before the next.
        with tempfile.TemporaryDirectory(prefix="flow-") as name, instant_engine(args.tokens, Path(name)) as url:
            builds.append(run_build(rows, Path(name) / "release", url, args.tokens, args.concurrency))
        print(table(builds[-1:]), file=sys.stderr, flush=True)
    print(table(builds))


if __name__ == "__main__":
    main()
