"""How fast the whole flow is when the engine is not the limit, and how fast others are.

python -m scripts.bench_ceiling --rows 3000 [--curator PYTHON]

One `scripts.instant_engine` for everybody. Ours is `builder.build`, the whole command. The others draw the same
candidates from the same server, verify them with the same verifier, retell what was not solved, verify again, and write
the kept texts to one Parquet file; they keep no tokens and no log-probs, score nothing and cannot be resumed.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import psutil

from builder.engines.servers import EngineServer
from builder.manifest import read_manifest
from scripts.instant_engine import TARGET, problem
from scripts.measured import Usage, cpu_seconds, measure

PEERS = ("asyncio", "distilabel", "curator")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m scripts.bench_ceiling", description=__doc__.split("\n\n")[0])
    p.add_argument("--rows", type=int, default=3000, help="problems of our build (default: %(default)s)")
    p.add_argument("--peer-rows", type=int, default=600, help="problems of everybody else's (default: %(default)s)")
    p.add_argument("--tokens", type=int, default=400, help="tokens a candidate (default: %(default)s)")
    p.add_argument("--concurrency", type=int, default=512, help="sequences in flight (default: %(default)s)")
    p.add_argument("--curator", metavar="PYTHON", help="interpreter of an environment with bespokelabs-curator")
    return p


def parts(usage: Usage) -> Counter[str]:
    """CPU seconds by what they were for."""
    seconds: Counter[str] = Counter()
    for name, command, cpu in usage.parts:
        seconds[_what(name, command)] += cpu
    return seconds


def _what(name: str, command: str) -> str:
    if "forkserver" in command:
        return "math-verify"
    if not name.startswith("python"):
        return f"step {name}"  # steps have their own names
    known = {"builder.build": "start and release", "builder.pipeline": "distilabel between the steps"}
    return next((what for module, what in known.items() if module in command), "other")


def _ours(source: Path, output: Path, url: str, args: argparse.Namespace) -> list[str]:
    return [
        *(sys.executable, "-m", "builder.build", "--target", TARGET, "--source", str(source), "--engine-url", url),
        *("--max-tokens", str(args.tokens), "--concurrency", str(args.concurrency), "--output", str(output)),
    ]


def _write_problems(file: Path, rows: int) -> Path:
    file.write_text("".join(json.dumps(problem(number)) + "\n" for number in range(rows)))
    return file


def main() -> None:
    """Print the tables of docs/performance.md."""
    args = parser().parse_args()
    peers = [name for name in PEERS if name != "curator" or args.curator]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = [sys.executable, "-m", "scripts.instant_engine", "--tokens", str(args.tokens)]
        with EngineServer(engine, folder / "engine.log", {}) as server:
            server.wait_ready(60)
            many, few = (_write_problems(folder / f"{rows}.jsonl", rows) for rows in (args.rows, args.peer_rows))
            before = _served()
            large = measure(_ours(many, folder / "large", server.url, args))
            served = _served() - before
            _print_ours(args, read_manifest(folder / "large"), large, served)
            results = {"ours": measure(_ours(few, folder / "small", server.url, args))}
            for peer in peers:
                command = [
                    *(sys.executable, "-m", "scripts.peers", peer, str(few), server.url),
                    *(str(folder / f"{peer}.parquet"), "--concurrency", str(args.concurrency)),
                    *(["--python", args.curator] if args.curator else []),
                ]
                results[peer] = measure(command)
            _print_peers(args.peer_rows, results)


def _served() -> float:
    """CPU seconds of the instant engine so far."""
    return sum(
        cpu_seconds(p) for p in psutil.Process().children(recursive=True) if "scripts.instant_engine" in p.cmdline()
    )


def _print_ours(args: argparse.Namespace, manifest: dict, run: Usage, served: float) -> None:
    tokens, rows = manifest["cost"]["sampled_tokens"], manifest["summary"]["stages"]["all"]
    candidates = manifest["summary"]["candidates"]
    print(f"{rows:,} rows, {candidates:,} candidates, {tokens:,} tokens, {args.concurrency} sequences in flight\n")
    print("| seconds, whole command | tokens/s | candidates/s | rows/s | peak memory, GB |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    rates = (tokens / run.seconds, candidates / run.seconds, rows / run.seconds)
    print(f"| {run.seconds:.1f} | " + " | ".join(f"{rate:,.0f}" for rate in rates), end="")
    print(f" | {run.tree_bytes / 1e9:.2f} |\n\n| CPU seconds | |\n| ---: | --- |")
    for what, seconds in (parts(run) + Counter({"the instant engine": served})).most_common():
        print(f"| {seconds:.1f} | {what} |")
    print()


def _print_peers(rows: int, results: dict[str, Usage]) -> None:
    print(f"{rows:,} rows\n\n| | seconds | rows/s | ours / theirs |\n| --- | ---: | ---: | ---: |")
    for name, run in results.items():
        ratio = run.seconds / results["ours"].seconds
        print(f"| {name} | {run.seconds:.1f} | {rows / run.seconds:.1f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
