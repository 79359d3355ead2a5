"""Run a command and measure what it takes: wall time, and the resident memory of it and of all its descendants."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

_SECONDS = 0.05  # between two looks


@dataclass(frozen=True)
class Usage:
    """What a command took.

    Attributes:
        seconds: wall time.
        own_bytes: most resident memory of its first process.
        tree_bytes: most resident memory of all its processes together, at one moment. What they share counts in each
            of them, and so do pages of files that are mapped: an upper bound.
    """

    seconds: float
    own_bytes: int
    tree_bytes: int


def measure(command: Sequence[str]) -> Usage:
    """Run a command to its end.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=sys.stderr)
    tree = psutil.Process(process.pid)
    own = total = 0
    while process.poll() is None:
        resident = _resident(tree)
        own, total = max(own, resident[0]), max(total, sum(resident))
        time.sleep(_SECONDS)
    seconds = time.monotonic() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Usage(seconds, own, total)


def _resident(tree: psutil.Process) -> list[int]:
    """Resident bytes of a process and of each of its descendants, the process itself first."""
    try:
        processes = [tree, *tree.children(recursive=True)]
    except psutil.Error:
        return [0]
    return [_rss(process) for process in processes]


def _rss(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:  # it has just ended
        return 0
