"""What adaptive sampling saves in practice: the same problems, fixed and adaptive, on one server.

python -m scripts.bench.adaptive --source arithmetic gsm-symbolic --limit 40
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from builder.config import load_target
from builder.engines.running import server_for
from builder.machine import cli
from builder.policy.models import resolve_model
from builder.release.manifest import read_manifest


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser("python -m scripts.bench.adaptive", __doc__)
    p.add_argument("--target", default="smollm2-135m-instruct")
    p.add_argument("--engine", choices=("vllm", "transformers"), default="vllm")
    p.add_argument("--source", nargs="+", default=["arithmetic", "gsm-symbolic"])
    p.add_argument("--limit", type=int, default=40, help="problems (default: %(default)s)")
    p.add_argument("--candidates", type=int, default=10)
    p.add_argument("--temperature", type=float, default=0.6)
    p.add_argument("--max-tokens", type=int, default=128)
    return p


def build(args: argparse.Namespace, scheme: str, url: str, output: Path) -> dict:
    """Build a release; returns its manifest."""
    sampling = {name: getattr(args, name) for name in ("limit", "candidates", "temperature", "max_tokens")}
    options = [word for name, value in sampling.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    subprocess.run(
        [
            *(sys.executable, "-m", "builder.build", "--target", args.target, "--source", *args.source, *options),
            *("--sampling", scheme, "--engine-url", url, "--output", str(output)),
        ],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return read_manifest(output)


def main() -> None:
    """Print the table of docs/performance.md."""
    args = parser().parse_args()
    target = load_target(args.target)
    model = resolve_model(target)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "engine.log"
        with server_for(args.engine, model.path, target, log) as server:
            server.wait_ready(600)
            made = {s: build(args, s, server.url, Path(folder) / s) for s in ("fixed", "adaptive")}
    print(f"{args.engine}, {target.name}, {args.limit} problems of {' and '.join(args.source)}, ", end="")
    print(f"at most {args.candidates} candidates, T={args.temperature}, {args.max_tokens} tokens\n")
    print("| sampling | self / guided / fallback | candidates | tokens | tokens a kept row | of fixed | seconds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    per_row = {}
    for scheme, manifest in made.items():
        summary, cost = manifest["summary"], manifest["cost"]
        stages = [summary["stages"][stage] for stage in ("self_alignment", "guided_alignment", "fallback")]
        per_row[scheme] = cost["sampled_tokens"] / max(1, stages[0] + stages[1])
        print(
            f"| {scheme} | {' / '.join(map(str, stages))} | {summary['candidates']:,} | {cost['sampled_tokens']:,} | "
            f"{per_row[scheme]:,.0f} | {per_row[scheme] / per_row['fixed']:.0%} | {cost['seconds']:.0f} |"
        )


if __name__ == "__main__":
    main()
