"""Check the journal of an earlier session, and save what can be read of a damaged one.

A journal is a day of rented GPUs. If a disk has lost or changed a part of it, everything whole is copied into a new
journal, and only the rest is asked again; the damaged file stays beside it.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from builder.errors import InputError
from builder.journal.check import OUTCOMES, REQUESTS, intact, is_whole, stated_length
from builder.journal.journal import Journal
from builder.journal.sqlite import forget_mark
from builder.machine.atomic import new_file
from builder.method.outcome import Outcome

_LARGEST = 1 << 40  # number of an entry
_MOST_GROWTH = 100  # times; a header that claims more is damaged itself


def salvage(path: Path) -> str | None:
    """Replace a damaged journal by one that holds everything whole in it.

    Returns:
        One line about what was saved; None if the journal is whole, or if there is none.

    Raises:
        InputError: nothing of it can be read.
    """
    if not path.exists() or is_whole(path):
        return None
    forget_mark(path)
    kept = path.with_name("journal.damaged")
    for suffix in ("", "-wal"):
        if (file := path.with_name(path.name + suffix)).exists():
            shutil.copyfile(file, kept.with_name(kept.name + suffix))
    _pad(kept)
    with new_file(path) as scratch:
        Journal(scratch).close()
        damaged, saved = sqlite3.connect(kept), sqlite3.connect(scratch)
        try:
            damaged.execute("SELECT name FROM sqlite_schema").fetchall()
            requests, outcomes = _copy(damaged, saved)
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"journal {path} cannot be read ({error}); start over with --fresh, or restore the file"
            ) from None
        finally:
            damaged.close()
            saved.close()
        for suffix in ("-wal", "-shm"):  # they belong to the damaged file, and would be read into the new one
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    return (
        f"the journal was damaged on disk: {requests:,} answers and {outcomes:,} finished rows could be read and are "
        f"kept, the rest is asked again (the damaged file: {kept})"
    )


def _pad(file: Path) -> None:
    """Give a file that was cut short the length that its header names: SQLite reads nothing of it otherwise."""
    length, found = stated_length(file), file.stat().st_size
    if found < length <= _MOST_GROWTH * found:
        with file.open("r+b") as content:
            content.truncate(length)


def _copy(damaged: sqlite3.Connection, saved: sqlite3.Connection) -> tuple[int, int]:
    """Copy every whole entry, and every outcome whose entries are all there; returns how many of each."""
    requests = outcomes = 0
    for request in _entries(damaged, REQUESTS):
        if intact(request):
            saved.execute("INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?)", request)
            requests += 1
    for outcome in _entries(damaged, OUTCOMES):
        if intact(outcome) and _all_saved(saved, (kept := Outcome.load(outcome[1])).journal_keys()):
            values = (kept.row, kept.id, kept.stage, *outcome[1:])
            saved.execute("INSERT OR IGNORE INTO outcomes VALUES (?, ?, ?, ?, ?)", values)
            outcomes += 1
    saved.commit()
    return requests, outcomes


def _all_saved(saved: sqlite3.Connection, keys: list[bytes]) -> bool:
    return all(saved.execute("SELECT 1 FROM requests WHERE key = ?", (key,)).fetchone() for key in keys)


def _entries(db: sqlite3.Connection, select: str) -> Iterator[tuple]:
    """Rows in order of their number, those on unreadable pages left out."""
    number: int | None = 0
    while number is not None:
        try:
            for entry in db.execute(f"{select} >= ? ORDER BY 1", (number,)):
                yield entry
                number = max(number, entry[0]) + 1
            return
        except sqlite3.DatabaseError:
            number = _next_readable(db, select, number)


def _next_readable(db: sqlite3.Connection, select: str, bad: int) -> int | None:
    """A number beyond `bad` from which rows can be read again; found by strides, then by bisection."""
    stride = 1
    while not _is_readable(db, select, bad + stride):
        stride *= 2
        if bad + stride > _LARGEST:
            return None
    low, high = bad + stride // 2, bad + stride
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _is_readable(db, select, middle) else (middle, high)
    return high


def _is_readable(db: sqlite3.Connection, select: str, number: int) -> bool:
    try:
        db.execute(f"{select} >= ? ORDER BY 1 LIMIT 1", (number,)).fetchone()
    except sqlite3.DatabaseError:
        return False
    return True
