"""What has been met: in temporary files, because a source may have millions of rows."""

import errno
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

_CACHE = 16_000  # KiB


class Seen:
    """Texts, each with the id of the row that had it first. What a text is of, an id or a problem, is its kind."""

    def __init__(self) -> None:
        self._db = _temporary("CREATE TABLE seen (digest BLOB PRIMARY KEY, row_id TEXT NOT NULL) WITHOUT ROWID")

    def first(self, kind: str, text: str) -> str | None:
        """Id of the row that had the text first; None if it is new."""
        found = self._db.execute("SELECT row_id FROM seen WHERE digest = ?", (_digest(kind, text),)).fetchone()
        return found[0] if found else None

    def add(self, kind: str, text: str, row_id: str) -> None:
        """Remember a new text.

        Raises:
            OSError: there is no room for the temporary file.
        """
        with _room():
            self._db.execute("INSERT INTO seen VALUES (?, ?)", (_digest(kind, text), row_id))


class KeptTexts:
    """Rows' ids and problems, by their numbers."""

    def __init__(self) -> None:
        self._db = _temporary("CREATE TABLE kept (row INTEGER PRIMARY KEY, row_id TEXT, problem TEXT)")

    def get(self, row: int) -> tuple[str, str]:
        """Id and problem of a row that was put."""
        return self._db.execute("SELECT row_id, problem FROM kept WHERE row = ?", (row,)).fetchone()

    def put(self, row: int, row_id: str, problem: str) -> None:
        """Remember a row.

        Raises:
            OSError: there is no room for the temporary file.
        """
        with _room():
            self._db.execute("INSERT INTO kept VALUES (?, ?, ?)", (row, row_id, problem))


def _temporary(table: str) -> sqlite3.Connection:
    db = sqlite3.connect("", isolation_level=None)  # a file without a name, gone with the connection
    db.execute("PRAGMA journal_mode = OFF")
    db.execute(f"PRAGMA cache_size = -{_CACHE}")
    db.execute(table)
    return db


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OSError(errno.ENOSPC, f"no room for a temporary file ({error})") from None


def _digest(kind: str, text: str) -> bytes:
    return hashlib.sha256(f"{kind}\0{text}".encode()).digest()[:16]
