"""Whole builds over an engine that answers at once (`standins.instant_engine`): what our own part costs."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from builder.building.workspace import Workspace
from builder.engines.servers import EngineServer
from builder.release.manifest import read_manifest
from scripts.bench.measured import Usage, cpu_seconds, measure
from scripts.standins.instant_engine import TARGET, problem


@dataclass(frozen=True)
class InstantBuild:
    """What a build took.

    Attributes:
        rows: of the release.
        candidates: drawn, both phases.
        tokens: sampled.
        usage: of the whole command.
        served_seconds: of CPU time that the engine took for it.
        journal_bytes: of the journal.
    """

    rows: int
    candidates: int
    tokens: int
    usage: Usage
    served_seconds: float
    journal_bytes: int


@contextmanager
def instant_engine(tokens: int, folder: Path) -> Iterator[str]:
    """A running instant engine with answers of so many tokens; gives its URL."""
    engine = [sys.executable, "-m", "scripts.standins.instant_engine", "--tokens", str(tokens)]
    with EngineServer(engine, folder / "engine.log", {}) as server:
        server.wait_ready(60)
        yield server.url


def first_request(url: str) -> float:
    """When an instant engine was first asked for anything, `time.time()`."""
    with urllib.request.urlopen(f"{url}/first_request") as answer:
        return json.load(answer)


def write_problems(file: Path, rows: int) -> Path:
    """A source of so many problems, of which the instant engine solves about half."""
    with file.open("w") as lines:
        lines.writelines(json.dumps(problem(number)) + "\n" for number in range(rows))
    return file


def run_build(rows: int, output: Path, url: str, tokens: int, concurrency: int, *more: str) -> InstantBuild:
    """Build so many problems with the instant engine at `url`, by the command that a user would give, and `more`."""
    source = write_problems(output.with_suffix(".jsonl"), rows)
    before = _served()
    usage = measure(
        [
            *(sys.executable, "-m", "builder.build", "--target", TARGET, "--source", str(source)),
            *("--engine-url", url, "--trust-engine", "--max-tokens", str(tokens), "--concurrency", str(concurrency)),
            *("--output", str(output), *more),
        ]
    )
    manifest = read_manifest(output)
    return InstantBuild(
        manifest["summary"]["stages"]["all"],
        manifest["summary"]["candidates"],
        manifest["cost"]["sampled_tokens"],
        usage,
        _served() - before,
        Workspace.of(output).journal_file.stat().st_size,
    )


def _served() -> float:
    """CPU seconds of this process's instant engine so far."""
    return sum(
        cpu_seconds(p)
        for p in psutil.Process().children(recursive=True)
        if "scripts.standins.instant_engine" in p.cmdline()
    )
