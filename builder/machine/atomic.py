"""Files and directories that appear whole or not at all, even if the process is killed or the power fails.

Each is written under another name on the same disk, flushed to it, and renamed.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def write_atomically(file: Path, text: str) -> None:
    """Write a small text file; one that is there is replaced."""
    with new_file(file) as scratch:
        scratch.write_text(text, encoding="utf-8")


@contextmanager
def new_file(file: Path, *, shared: bool = False) -> Iterator[Path]:
    """A path to write; when the block ends, what is there becomes `file`, and replaces one that is there already.

    If the block raises, nothing changes.

    Args:
        file: its folder exists.
        shared: several processes or threads may write it at a time; what a kill leaves behind is then left for good,
            and otherwise overwritten by the next attempt.
    """
    scratch = _beside(file, shared)
    scratch.unlink(missing_ok=True)
    try:
        yield scratch
        _sync(scratch)
        os.replace(scratch, file)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """An empty directory to fill; when the block ends, it becomes `path`. Several processes may do so at a time.

    If the block raises, nothing is left of it.

    Raises:
        OSError: something is at `path` by then that is no empty directory.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = _beside(path, shared=True)
    scratch.mkdir()
    try:
        yield scratch
        _sync_tree(scratch)
        os.rename(scratch, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True)
class Replacement:
    """A directory that takes the place of an earlier one, by one process at a time.

    No single step exchanges two directories on every file system. A kill in the middle leaves nothing at `place`, and
    both beside it: whoever comes next calls `settle` first.

    Args:
        place: where the directory appears.
        scratch: on the same disk; `.tmp` (not whole yet), `.new` (whole) and `.old` are appended to its name.
    """

    place: Path
    scratch: Path

    @contextmanager
    def filled(self) -> Iterator[Path]:
        """An empty directory to fill, which has taken its place when the block ends.

        If the block raises, nothing changes.
        """
        self.settle()
        unfinished, whole = self._named(".tmp"), self._named(".new")
        for leftover in (unfinished, whole):
            shutil.rmtree(leftover, ignore_errors=True)
        unfinished.mkdir(parents=True)
        try:
            yield unfinished
            _sync_tree(unfinished)
            os.rename(unfinished, whole)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        self._swap()

    def is_cut_short(self) -> bool:
        """Whether a whole directory waits for its place, and nothing is there."""
        return not self.place.exists() and self._named(".new").exists()

    def settle(self) -> None:
        """Complete what a kill has cut short."""
        if self.is_cut_short():
            self._swap()

    def _swap(self) -> None:
        old = self._named(".old")
        self.place.parent.mkdir(parents=True, exist_ok=True)
        if self.place.exists():
            shutil.rmtree(old, ignore_errors=True)
            os.rename(self.place, old)
        os.rename(self._named(".new"), self.place)
        shutil.rmtree(old, ignore_errors=True)

    def _named(self, suffix: str) -> Path:
        return self.scratch.with_name(self.scratch.name + suffix)


def _beside(path: Path, shared: bool) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp" if shared else f"{path.name}.tmp")


def _sync_tree(directory: Path) -> None:
    for path in [*directory.rglob("*"), directory]:
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
