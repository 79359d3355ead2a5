"""One build that is run, killed, resumed and checked; see `scripts.chaos`."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import psutil

STOP_SECONDS = 30.0  # until nothing of ours may be alive any more
_READY_SECONDS = 300.0
# Counts every attempt to keep an answer, also of one that is there already: such an answer was asked for again.
_COUNTER = """
CREATE TABLE IF NOT EXISTS asked (key BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS count_asked BEFORE INSERT ON requests BEGIN INSERT INTO asked VALUES (new.key); END;
"""

Processes = dict[str, list[psutil.Process]]


@dataclass
class Kill:
    """What was killed and what came of it."""

    victim: str
    after: float
    stopped: float | None
    in_flight: int | None
    asked_again: int
    rows_lost: int
    verdict: str

    def row(self) -> str:
        """The rest of its line in the table."""
        stopped = "build went on" if self.stopped is None else f"{self.stopped:.1f}"
        in_flight = "?" if self.in_flight is None else self.in_flight
        return (
            f"{self.victim} | {self.after:.1f} | {stopped} | {in_flight} | {self.asked_again} | {self.rows_lost} | "
            f"{self.verdict} |"
        )


def _signalled(number: int, times: int = 1) -> Callable[[psutil.Process], None]:
    def send(process: psutil.Process) -> None:
        for _ in range(times):
            process.send_signal(number)
            time.sleep(1.0)

    return send


# What is hit, and how. "main" is the process that the user started.
VICTIMS: dict[str, tuple[str, Callable[[psutil.Process], None]]] = {
    "main": ("main", psutil.Process.kill),
    "pipeline": ("pipeline", psutil.Process.kill),
    "step": ("step", psutil.Process.kill),
    "verifier": ("verifier", psutil.Process.kill),
    "guard": ("guard", psutil.Process.kill),
    "engine": ("engine", psutil.Process.kill),
    "engine worker": ("engine worker", psutil.Process.kill),
    "engine guard": ("engine guard", psutil.Process.kill),
    "interrupt": ("main", _signalled(signal.SIGINT)),
    "interrupt twice": ("main", _signalled(signal.SIGINT, 2)),
}
ENDS_BUILD = ("main", "interrupt", "interrupt twice")


class ChaosBuild:
    """A build of arithmetic problems with SmolLM2 in a folder of its own.

    Args:
        folder: where release and working directory appear.
        url: an engine to attach to; None lets the build start its own vLLM server.
        rows: problems.
        seed: of the build.
    """

    def __init__(self, folder: Path, url: str | None, rows: int, seed: int) -> None:
        self.folder, self._url = folder, url
        folder.mkdir(parents=True, exist_ok=True)
        self._release, self._work = folder / "r", folder / "r.work"
        self._command = [
            *(sys.executable, "-m", "builder.build", "--target", "smollm2-135m-instruct", "--source", "arithmetic"),
            *("--limit", str(rows), "--seed", str(seed), "--candidates", "8", "--max-tokens", "64"),
            *("--concurrency", "64", "--output", str(self._release), "--engine", "vllm"),
            *(("--engine-url", url) if url else ()),
        ]

    @property
    def finished(self) -> bool:
        """Whether the release is there."""
        return (self._release / "manifest.json").exists()

    def finish(self) -> None:
        """Run the build to its end, undisturbed."""
        done = subprocess.run(self._command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the build does not finish: {done.stderr}")

    def ids(self) -> list[str]:
        """Ids of the release's rows, in order."""
        return pl.read_parquet(self._release / "data" / "default" / "*.parquet")["id"].to_list()

    def faults(self) -> list[str]:
        """What is wrong with the finished release."""
        ids = self.ids()
        rows = pl.read_parquet(self._work / "rows.parquet")["id"].to_list()
        again = self._asked_again()
        return [
            *(["rows missing, repeated or out of order"] if ids != rows else []),
            *([f"{again} finished answers were asked for again"] if again else []),
        ]

    def run_and_kill(self, victim: str, rng: random.Random) -> Kill | None:
        """Run the build and hit the victim at a random moment; None if the build was finished before."""
        log = (self.folder / "log").open("a")
        with subprocess.Popen(self._command, stdout=log, stderr=log) as build:
            main = psutil.Process(build.pid)
            if not self._wait_until_asking(build):
                return None
            self._count_requests()
            delay = rng.uniform(0.0, 6.0)
            time.sleep(delay)
            role, hit = VICTIMS[victim]
            found = self._processes(main).get(role, [])
            if build.poll() is not None or not found:
                build.wait()
                return None
            everything = [main, *main.children(recursive=True)]
            in_flight, before = self._in_flight(), self._kept()
            hit(rng.choice(found))
            began = time.monotonic()
            ends = victim in ENDS_BUILD
            if ends:
                _, alive = psutil.wait_procs(everything, timeout=STOP_SECONDS)
                alive = [process for process in alive if _is_running(process)]
            stopped = time.monotonic() - began if ends else None
            code = build.wait()
        verdict = "ok"
        if ends and alive:
            verdict = f"{len(alive)} processes alive after {STOP_SECONDS:.0f} s"
        elif not ends and code:
            verdict = f"exit code {code}, see the log"
        elif victim.startswith("interrupt") and code != 130:
            verdict = f"exit code {code} instead of 130"
        lost = len(before[1] - self._kept()[1])
        if before[0] - self._kept()[0]:
            verdict = "finished answers were lost"
        again = self._asked_again()
        return Kill(
            victim, delay, stopped, in_flight, again, lost, "finished answers asked again" if again else verdict
        )

    def _wait_until_asking(self, build: subprocess.Popen) -> bool:
        """Until the engine has answered something new in this session; False if the build ends before."""
        deadline = time.monotonic() + _READY_SECONDS
        first = len(self._kept()[0])
        while build.poll() is None and time.monotonic() < deadline:
            if len(self._kept()[0]) > first:
                return True
            time.sleep(0.1)
        build.wait()
        return False

    def _processes(self, main: psutil.Process) -> Processes:
        """The build's processes by what they are."""
        roles: Processes = {"main": [main]}
        for process in main.children(recursive=True):
            try:
                roles.setdefault(_role(process), []).append(process)
            except psutil.NoSuchProcess:
                continue
        return roles

    def _in_flight(self) -> int | None:
        """Sequences that vLLM is drawing or holds in its queue: what a kill may cost."""
        url = self._url or json.loads((self._work / "runtime.json").read_text())["engine_urls"][0]
        try:
            with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return None
        names = ("vllm:num_requests_running{", "vllm:num_requests_waiting{")
        counts = [float(line.rpartition(" ")[2]) for line in lines if line.startswith(names)]
        return int(sum(counts)) if counts else None

    def _query(self, sql: str) -> list[tuple]:
        file = self._work / "journal.sqlite"
        if not file.exists():
            return []
        try:
            with closing(sqlite3.connect(file, timeout=60)) as db:
                return db.execute(sql).fetchall()
        except sqlite3.OperationalError:  # its tables are not there yet
            return []

    def _kept(self) -> tuple[set[tuple], set[tuple]]:
        """Answers and finished rows in the journal."""
        answers = self._query("SELECT key, token_ids, logprobs FROM requests")
        return set(answers), set(self._query("SELECT id FROM outcomes"))

    def _count_requests(self) -> None:
        with closing(sqlite3.connect(self._work / "journal.sqlite", timeout=60)) as db:
            db.executescript(_COUNTER)

    def _asked_again(self) -> int:
        return len(self._query("SELECT key FROM asked GROUP BY key HAVING COUNT(*) > 1"))


def _role(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    kind = "engine" if "vllm.entrypoints" in command else "pipeline" if "builder.pipeline" in command else ""
    if "builder.processes" in command:
        return "engine guard" if kind == "engine" else "guard"
    if "forkserver" in command:
        # The fork server itself has the pipeline's step as its parent; its workers have the fork server.
        return "verifier" if "forkserver" in " ".join(process.parent().cmdline()) else "fork server"
    if "resource_tracker" in command:
        return "resource tracker"
    if process.name().startswith("VLLM") or (kind == "" and "multiprocessing" in command):
        return "engine worker"
    if kind == "pipeline":
        return "step" if "builder.processes" not in " ".join(process.parent().cmdline()) else "pipeline"
    return kind or "other"


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
