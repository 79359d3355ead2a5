"""Rows that the engine refuses, as the journal keeps them: those of this run, and those that were given up.

A refusal (HTTP 400) is about one request, and the same one would be refused again. Without more ado such a row keeps a
build from its end; a user who would rather do without it lets so many be given up (`--give-up-rows`).
"""

import sqlite3
from collections.abc import Iterable

from builder.journal.sqlite import Transaction

# Not part of the journal's layout: a journal of an earlier version gets it when it is opened.
_TABLE = """CREATE TABLE IF NOT EXISTS refusals (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL, error TEXT NOT NULL, given_up INTEGER NOT NULL DEFAULT 0)"""


class Refusals:
    """The journal's table of rows that the engine refuses."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute(_TABLE)

    def add(self, refusals: Iterable[tuple[int, str, str]]) -> None:
        """Record (row, id, what the engine said)."""
        with Transaction(self._db):
            self._db.executemany("INSERT OR IGNORE INTO refusals (row, id, error) VALUES (?, ?, ?)", list(refusals))

    def clear(self) -> None:
        """Forget those of an earlier run that were not given up; they are about to be asked for again."""
        self._db.execute("DELETE FROM refusals WHERE NOT given_up")

    def forget(self) -> None:
        """Forget all: every row is asked for again."""
        self._db.execute("DELETE FROM refusals")

    def give_up(self, most: int) -> int:
        """Give up the rows of this run, unless that makes more than `most` in all; returns how many these are."""
        if self.refused() > most:
            return 0
        return self._db.execute("UPDATE refusals SET given_up = 1 WHERE NOT given_up").rowcount

    def refused(self) -> int:
        """How many rows the engine refuses, given up or not."""
        return self._db.execute("SELECT COUNT(*) FROM refusals").fetchone()[0]

    def given_up(self) -> dict[str, str]:
        """What the engine said, by row id, of all rows that were given up."""
        return dict(self._db.execute("SELECT id, error FROM refusals WHERE given_up ORDER BY row"))
