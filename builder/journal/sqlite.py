"""The journal's connection to SQLite: what can go wrong with a file, as one line for a person."""

import os
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from builder.errors import JournalError

T = TypeVar("T")

LOCK_SECONDS = 60.0  # writers queue; only another program holds the file for longer
_DAMAGE = "is damaged on disk; the same command saves what can be read of it"


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection whose errors are `JournalError`s; each statement is a transaction unless one is begun.

    Raises:
        JournalError: the file cannot be opened.
    """
    name = _readonly_uri(path) if readonly else path
    try:
        connection = sqlite3.connect(
            name, timeout=LOCK_SECONDS, isolation_level=None, factory=_Connection, uri=readonly
        )
    except sqlite3.Error as error:
        raise explained(path, error) from None
    connection.file = path
    return connection


def _readonly_uri(path: Path) -> str:
    """A write-ahead log is read with what lies beside it; in a folder that nobody writes to, nothing can."""
    nobody_writes = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    return f"{path.absolute().as_uri()}?{'immutable=1' if nobody_writes else 'mode=ro'}"


def explained(path: Path, error: sqlite3.Error) -> JournalError:
    """What an error of SQLite means to the user."""
    reason = str(error)
    if "locked" in reason:
        reason = f"was locked by another program for more than {LOCK_SECONDS:.0f} s"
    elif any(word in reason for word in ("malformed", "not a database", "decode")):
        return damaged(path)
    else:
        reason = f"cannot be used: {reason}; everything finished is kept, the same command continues"
    return JournalError(f"journal {path} {reason}")


def is_damage(error: JournalError) -> bool:
    """Whether the file itself is damaged, rather than locked or short of room."""
    return _DAMAGE in str(error)


def damaged(path: Path) -> JournalError:
    """The error for a damaged file, which the next session is to check from end to end."""
    forget_mark(path)
    return JournalError(f"journal {path} {_DAMAGE}")


def mark_file(path: Path) -> Path:
    """Where `builder.journal.check` notes how far a journal was checked."""
    return path.with_name("journal.checked")


def forget_mark(path: Path) -> None:
    """Have everything checked the next time."""
    with suppress(OSError):
        mark_file(path).unlink()


def checksum(*parts: bytes | str) -> int:
    """CRC-32 of an entry."""
    value = 0
    for part in parts:
        value = zlib.crc32(part.encode() if isinstance(part, str) else part, value)
    return value


class Transaction:
    """BEGIN IMMEDIATE ... COMMIT: takes the write lock at once, so that writers queue and never deadlock."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._db.in_transaction:  # a full disk may have rolled back already
            self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _explaining(method: Callable[..., T]) -> Callable[..., T]:
    @wraps(method)
    def wrapper(self: "_Cursor", *args: Any) -> T:
        try:
            return method(self, *args)
        except sqlite3.DatabaseError as error:
            # The others (constraints, programming errors) are defects of ours.
            if type(error) in (sqlite3.DatabaseError, sqlite3.OperationalError):
                raise explained(self.file, error) from None
            raise

    return wrapper


class _Cursor(sqlite3.Cursor):
    @property
    def file(self) -> Path:
        return self.connection.file

    execute = _explaining(sqlite3.Cursor.execute)
    executemany = _explaining(sqlite3.Cursor.executemany)
    executescript = _explaining(sqlite3.Cursor.executescript)
    fetchone = _explaining(sqlite3.Cursor.fetchone)
    fetchall = _explaining(sqlite3.Cursor.fetchall)
    __next__ = _explaining(sqlite3.Cursor.__next__)


class _Connection(sqlite3.Connection):
    file: Path

    def execute(self, *args: Any) -> sqlite3.Cursor:
        return self.cursor(_Cursor).execute(*args)

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        return self.cursor(_Cursor).executemany(*args)

    def executescript(self, *args: Any) -> sqlite3.Cursor:
        return self.cursor(_Cursor).executescript(*args)
