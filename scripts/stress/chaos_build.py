"""One build that is run, killed, resumed and checked; see `scripts.stress.chaos`."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
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


@dataclass
class Kill:
    """What was killed and what came of it.

    Attributes:
        victim: which process.
        after: seconds since the engine had answered something new.
        seconds: until no process of ours was alive, or, where the build goes on by itself, until it had a new answer.
        in_flight: sequences that the engine was drawing: what the kill may cost.
        asked_again: finished answers that were asked for a second time, in the build so far.
        rows_lost: finished rows and answers that the journal had before and not after.
        verdict: "ok", or what is wrong.
    """

    victim: str
    after: float
    seconds: float
    in_flight: int | None
    asked_again: int
    rows_lost: int
    verdict: str

    def row(self) -> str:
        """The rest of its line in the table."""
        in_flight = "?" if self.in_flight is None else self.in_flight
        went_on = "" if self.victim in ENDS_BUILD else " (went on)"
        return (
            f"{self.victim} | {self.after:.1f} | {self.seconds:.1f}{went_on} | {in_flight} | {self.asked_again} | "
            f"{self.rows_lost} | {self.verdict} |"
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
            *(("--engine-url", url, "--trust-engine") if url else ()),
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

    def run(self, victims: Sequence[str], rng: random.Random, longest: float = 5.0) -> Iterator[Kill]:
        """Run the build and hit one victim after the other, until one ends it or it is finished.

        Args:
            victims: out of `VICTIMS`.
            rng: chooses the moments, and which of several processes is hit.
            longest: seconds that the engine answers undisturbed at most.
        """
        with self._running() as build:
            main = psutil.Process(build.pid)
            answering = self._wait_for_an_answer(build)
            for victim in victims:
                if not answering:
                    break
                self._count_requests()
                after = rng.uniform(0.0, longest)
                time.sleep(after)
                role, hit = VICTIMS[victim]
                if not (found := self._wait_for_a(role, main)):
                    break
                children = main.children(recursive=True)
                in_flight, before, began = self._in_flight(), self._kept(), time.monotonic()
                if build.poll() is not None:
                    break
                hit(rng.choice(found))
                verdict = "ok"
                if victim in ENDS_BUILD:
                    verdict = _ended(build, children, 130 if "interrupt" in victim else -signal.SIGKILL)
                    answering = False
                else:
                    answering = self._wait_for_an_answer(build)
                    if not answering and build.returncode:
                        verdict = f"exit code {build.returncode}: see the log"
                seconds, again, lost = time.monotonic() - began, self._asked_again(), len(before - self._kept())
                if again or lost:
                    verdict = "finished work was lost or asked for again"
                yield Kill(victim, after, seconds, in_flight, again, lost, verdict)

    @contextmanager
    def _running(self) -> Iterator[subprocess.Popen]:
        with (self.folder / "log").open("a") as log, subprocess.Popen(self._command, stdout=log, stderr=log) as build:
            try:
                yield build
            except BaseException:
                build.kill()  # its guards end the rest
                raise

    def _wait_for_an_answer(self, build: subprocess.Popen) -> bool:
        """Until the engine has answered something that the journal had not; False if the build ends before."""
        deadline = time.monotonic() + _READY_SECONDS
        first = len(self._kept())
        while time.monotonic() < deadline:
            if build.poll() is not None:
                return False
            if len(self._kept()) > first:
                return True
            time.sleep(0.1)
        raise SystemExit(f"no new answer for {_READY_SECONDS:.0f} s: the build hangs")

    def _wait_for_a(self, role: str, main: psutil.Process) -> list[psutil.Process]:
        """All processes of a role, as soon as there is one; none if the build ends before."""
        while _is_running(main):
            found = [main] if role == "main" else []
            for process in main.children(recursive=True):
                try:
                    found += [process] if _role(process) == role else []
                except psutil.NoSuchProcess:
                    continue
            if found:
                return found
            time.sleep(0.1)
        return []

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

    def _kept(self) -> set[tuple]:
        """Answers and finished rows in the journal."""
        return {
            *self._query("SELECT key, token_ids, logprobs FROM requests"),
            *self._query("SELECT id, body FROM outcomes"),
        }

    def _count_requests(self) -> None:
        with closing(sqlite3.connect(self._work / "journal.sqlite", timeout=60)) as db:
            db.executescript(_COUNTER)

    def _asked_again(self) -> int:
        return len(self._query("SELECT key FROM asked GROUP BY key HAVING COUNT(*) > 1"))


def _ended(build: subprocess.Popen, children: list[psutil.Process], code: int) -> str:
    """The verdict on a build that had to end with all its processes."""
    deadline = time.monotonic() + STOP_SECONDS
    try:
        build.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        return f"its main process is alive after {STOP_SECONDS:.0f} s"
    _, alive = psutil.wait_procs(children, timeout=max(0.0, deadline - time.monotonic()))
    if alive := [process for process in alive if _is_running(process)]:
        return f"{len(alive)} processes alive after {STOP_SECONDS:.0f} s: {[process.cmdline() for process in alive]}"
    return "ok" if build.returncode == code else f"exit code {build.returncode} instead of {code}"


def _role(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    kind = "engine" if "vllm.entrypoints" in command else "pipeline" if "builder.pipeline" in command else ""
    if "builder.machine.processes" in command:
        return "engine guard" if kind == "engine" else "guard"
    if "forkserver" in command:
        # The fork server itself has the pipeline as its parent; its workers have the fork server.
        return "verifier" if "forkserver" in " ".join(process.parent().cmdline()) else "fork server"
    if "resource_tracker" in command:
        return "resource tracker"
    if process.name().startswith("VLLM") or (kind == "" and "multiprocessing" in command):
        return "engine worker"
    if kind == "pipeline":
        return "step" if "builder.machine.processes" not in " ".join(process.parent().cmdline()) else "pipeline"
    return kind or "other"


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
