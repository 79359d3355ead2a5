"""Run a command and measure what it takes: wall and CPU time, and the resident memory of it and of its descendants."""

import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

_SECONDS = 0.05  # between two looks
_THOROUGH_SECONDS = 1.0  # between two that ask the kernel about every page


@dataclass(frozen=True)
class Usage:
    """What a command took.

    Attributes:
        seconds: wall time.
        cpu_seconds: user and system time of all its processes that it has waited for.
        own_bytes: most resident memory of its first process.
        tree_bytes: most resident memory of all its processes together, at one moment. What they share counts in each
            of them, and so do pages of files that are mapped: an upper bound.
        proportional_bytes: the same, but a page that several of them share counts once among them (Linux's PSS; 0
            elsewhere). Looked at once a second.
        parts: name, command line and CPU seconds of every process that was seen.
    """

    seconds: float
    cpu_seconds: float
    own_bytes: int
    tree_bytes: int
    proportional_bytes: int
    parts: list[tuple[str, str, float]]


def measure(command: Sequence[str]) -> Usage:
    """Run a command to its end; what it prints goes to stderr.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, stdout=sys.stderr)
    watch = _Watch(process.pid)
    watch.start()
    code = process.wait()
    seconds = time.monotonic() - began
    watch.ended.set()
    watch.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        raise subprocess.CalledProcessError(code, command)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Usage(seconds, cpu, watch.own, watch.total, watch.proportional, list(watch.parts.values()))


class _Watch(threading.Thread):
    """Looks at a process and its descendants until it has ended."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.own = self.total = self.proportional = 0
        self._thorough = 0.0
        self.parts: dict[int, tuple[str, str, float]] = {}
        self._pid, self._known = pid, {pid}

    def run(self) -> None:
        while not self.ended.wait(_SECONDS):
            try:
                process = psutil.Process(self._pid)
                children = process.children(recursive=True)
                self.own = max(self.own, own := process.memory_info().rss)
            except psutil.Error:  # it has just ended
                continue
            # A process that was started a moment ago may still be a copy of its parent, before it becomes itself.
            grown = [child for child in children if child.pid in self._known]
            self._known.update(child.pid for child in children)
            self.total = max(self.total, own + sum(map(_resident, grown)))
            if time.monotonic() >= self._thorough:
                self.proportional = max(self.proportional, sum(map(_proportional, (process, *grown))))
                self._thorough = time.monotonic() + _THOROUGH_SECONDS
            for each in (process, *grown):
                with suppress(psutil.Error):
                    self.parts[each.pid] = each.name(), " ".join(each.cmdline()), cpu_seconds(each)


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of one process, without its children."""
    return sum(process.cpu_times()[:2])


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _proportional(process: psutil.Process) -> int:
    try:
        return getattr(process.memory_full_info(), "pss", 0)
    except psutil.Error:
        return 0
