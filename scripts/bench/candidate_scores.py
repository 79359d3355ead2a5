"""What `--score-candidates` costs a build, over an engine that costs nothing: tokens scored, and our own CPU time.

python -m scripts.bench.candidate_scores --rows 300
"""

import argparse
import tempfile
from pathlib import Path

from builder.release.manifest import read_manifest
from scripts.bench.instant_build import instant_engine, run_build

LEVELS = ("none", "logprobs", "entropies")


def main() -> None:
    """Build once for each level, and print a line for each."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rows", type=int, default=300, help="of the source (default: %(default)s)")
    p.add_argument("--tokens", type=int, default=400, help="of an answer (default: %(default)s)")
    args = p.parse_args()
    print("| --score-candidates | tokens sampled | tokens scored | CPU seconds | of all with none |")
    print("| --- | ---: | ---: | ---: | ---: |", flush=True)
    first = None
    with tempfile.TemporaryDirectory() as scratch, instant_engine(args.tokens, Path(scratch)) as url:
        for level in LEVELS:
            output = Path(scratch) / level
            usage = run_build(args.rows, output, url, args.tokens, 256, "--score-candidates", level).usage
            first = first or usage.cpu_seconds
            cost = read_manifest(output)["cost"]
            counts = f"{cost['sampled_tokens']:,} | {cost['scored_tokens']:,}"
            print(f"| {level} | {counts} | {usage.cpu_seconds:.1f} | {usage.cpu_seconds / first:.2f} |", flush=True)


if __name__ == "__main__":
    main()
