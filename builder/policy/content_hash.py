"""Hashes of files' whole content, remembered, so that nobody waits twice for those of a model's weights."""

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from builder.machine.atomic import new_file

_SMALL = 1 << 20  # bytes; read faster than a memory of it
_LONG = 1_000_000_000  # bytes; more than this take so long that a person is told
_YOUNG = 2.0  # seconds; a file that changed just now may change once more within one tick of the clock
_THREADS = 4  # hashing leaves the interpreter's lock, and a disk likes company


def content_hashes(files: Sequence[Path], memory: Path) -> list[str]:
    """sha256 (hexadecimal) of all bytes of each file.

    A hash is remembered with the file's path, size, times and inode. What cannot be read from or written to the memory
    only costs time.

    Args:
        files: to hash.
        memory: directory of what is remembered, one small file each; need not exist.
    """
    known = {file: _recall(file, memory) for file in files}
    unknown = [file for file, digest in known.items() if digest is None]
    if (total := sum(file.stat().st_size for file in unknown)) > _LONG:
        print(f"hashing {total / 1e9:.0f} GB of weights ...", file=sys.stderr, flush=True)
    with ThreadPoolExecutor(_THREADS) as threads:
        known |= zip(unknown, threads.map(lambda file: _hashed(file, memory), unknown), strict=True)
    return [known[file] for file in files]


def _hashed(file: Path, memory: Path) -> str:
    before = _identity(file)
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if before == _identity(file) and before["size"] > _SMALL and time.time() - _changed(before) > _YOUNG:
        write_entry(_entry(file, memory), before | {"sha256": digest})
    return digest


def _recall(file: Path, memory: Path) -> str | None:
    found = read_entry(_entry(file, memory))
    digest = found.pop("sha256", "") if isinstance(found, dict) else ""
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest) or found != _identity(file):
        return None
    return digest


def _entry(file: Path, memory: Path) -> Path:
    return memory / f"{hashlib.sha256(os.fsencode(file.resolve())).hexdigest()}.json"


def _identity(file: Path) -> dict[str, str | int]:
    """What changes when somebody changes the file. A copy that restores the time of change still has a new ctime."""
    facts = file.stat()
    return {
        "path": os.fsdecode(file.resolve()),
        "size": facts.st_size,
        "mtime_ns": facts.st_mtime_ns,
        "ctime_ns": facts.st_ctime_ns,
        "inode": facts.st_ino,
    }


def _changed(identity: dict[str, str | int]) -> float:
    return max(identity["mtime_ns"], identity["ctime_ns"]) / 1e9


def read_entry(file: Path) -> object:
    """What `write_entry` wrote; None if it cannot be read."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_entry(file: Path, content: object) -> None:
    """Write a small JSON file completely or not at all; one that cannot be written is done without."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with new_file(file, shared=True) as scratch:
            scratch.write_text(json.dumps(content), encoding="utf-8")
