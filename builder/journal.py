"""The journal: every finished engine request and every finished row, so that nothing is paid for twice.

One SQLite file in write-ahead mode, shared by the pipeline's step processes (each opens its own connection) and read by
the supervisor for progress. Requests are found by content: the key hashes everything that determines the answer, so a
changed prompt, sampling setting, seed or model revision is a different request, and the same one is never sent again.
Token ids are kept as little-endian int32 and log-probs as float32, the precision that engines compute them in. Every
entry carries a checksum: what a disk has changed is never taken for an answer (`salvage` replaces such a journal).
"""

import hashlib
import json
import sqlite3
import sys
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from builder.engines.protocol import Completion, SamplingParams
from builder.errors import InputError
from builder.journal_db import checksum, connect, damaged

_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, token_ids BLOB NOT NULL, logprobs BLOB NOT NULL,
    finish_reason TEXT NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS outcomes (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, stage TEXT NOT NULL, body TEXT NOT NULL,
    checksum INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS outcomes_by_stage ON outcomes (stage);
CREATE TABLE IF NOT EXISTS failures (id TEXT PRIMARY KEY, error TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (number INTEGER PRIMARY KEY, started REAL NOT NULL, seconds REAL NOT NULL);
"""
SCORED = "scored"  # finish reason of a scoring request; it generated nothing


@dataclass(frozen=True)
class Progress:
    """What a build has behind it.

    Attributes:
        stages: finished rows by stage.
        sampled_tokens: completion tokens generated, all phases and all sessions.
        scored_tokens: completion tokens scored.
        candidates: completions generated.
    """

    stages: dict[str, int]
    sampled_tokens: int
    scored_tokens: int
    candidates: int

    @property
    def rows(self) -> int:
        """Rows with an outcome."""
        return sum(self.stages.values())


def generation_key(model: str, prompt_ids: Sequence[int], params: SamplingParams, seed: int, index: int) -> bytes:
    """Key of the `index`-th sample that `model` (revision and dtype) draws for a prompt."""
    return _key("generate", model, asdict(params), seed, index, prompt_ids)


def scoring_key(model: str, prompt_ids: Sequence[int], completion_ids: Sequence[int]) -> bytes:
    """Key of the log-probs that `model` gives to a completion after a prompt."""
    return _key("score", model, len(prompt_ids), [*prompt_ids, *completion_ids])


def _key(*parts: Any) -> bytes:
    return hashlib.sha256(json.dumps(parts, separators=(",", ":"), sort_keys=True).encode()).digest()


class Journal:
    """One connection to a build's journal. Not to be shared between threads or across a fork.

    Raises:
        InputError: the file is not a journal of this version.
        JournalError: from every method: the file is damaged, locked by another program, or there is no room for it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = connect(path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        columns = {name for (name,) in self._db.execute("SELECT name FROM pragma_table_info('requests')")}
        if "checksum" not in columns:
            raise InputError(f"journal {path} was written by an older version of this tool; start over with --fresh")
        self._counted = 0
        self._totals = [0, 0, 0]

    def close(self) -> None:
        """Close the connection; committed entries are durable already."""
        self._db.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, entries: Iterable[tuple[bytes, Completion]]) -> None:
        """Keep finished generations; an entry that is there already stays as it is."""
        self._insert((key, c.token_ids, c.logprobs, c.finish_reason) for key, c in entries)

    def put_scores(self, key: bytes, completion_ids: Sequence[int], logprobs: Sequence[float]) -> None:
        """Keep the log-probs `[time]` of one scored completion."""
        self._insert([(key, completion_ids, logprobs, SCORED)])

    def _insert(self, entries: Iterable[tuple[bytes, Sequence[int], Sequence[float], str]]) -> None:
        rows = [(key, _ints(ids), _floats(lps), reason) for key, ids, lps, reason in entries]
        with self._transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO requests (key, token_ids, logprobs, finish_reason, checksum) "
                "VALUES (?, ?, ?, ?, ?)",
                [(*row, checksum(*row)) for row in rows],
            )

    def get(self, key: bytes) -> Completion | None:
        """The finished request under a key, or None. Scoring requests have finish reason `SCORED`."""
        found = self._db.execute(
            "SELECT token_ids, logprobs, finish_reason, checksum FROM requests WHERE key = ?", (key,)
        ).fetchone()
        if found is None:
            return None
        if found[3] != checksum(key, *found[:3]):
            raise damaged(self.path)
        return Completion(_array("i", found[0]).tolist(), _array("f", found[1]).tolist(), found[2])

    def put_outcomes(self, outcomes: Iterable[dict[str, Any]]) -> None:
        """Record finished rows (each with `row`, `id`, `stage`) and forget their earlier failures."""
        outcomes = list(outcomes)
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO outcomes (row, id, stage, body, checksum) VALUES (?, ?, ?, ?, ?)",
                [(o["row"], o["id"], o["stage"], body := json.dumps(o), checksum(body)) for o in outcomes],
            )
            self._db.executemany("DELETE FROM failures WHERE id = ?", [(o["id"],) for o in outcomes])

    def put_failures(self, failures: Iterable[tuple[str, str]]) -> None:
        """Record (row id, error) of rows that could not be finished in this run."""
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO failures (id, error) VALUES (?, ?)", list(failures))

    def clear_failures(self) -> None:
        """Forget the failures of an earlier run, whose rows are about to be tried again."""
        self._db.execute("DELETE FROM failures")

    def failures(self, limit: int = 5) -> list[tuple[str, str]]:
        """Some (row id, error) of the last run."""
        return self._db.execute("SELECT id, error FROM failures ORDER BY id LIMIT ?", (limit,)).fetchall()

    def outcomes(self) -> Iterator[dict[str, Any]]:
        """Finished rows in source order, streamed."""
        for body, expected in self._db.execute("SELECT body, checksum FROM outcomes ORDER BY row"):
            if checksum(body) != expected:
                raise damaged(self.path)
            yield json.loads(body)

    def finished_rows(self) -> array:
        """Positions of all finished rows, ascending; 8 bytes each."""
        return array("q", (row for (row,) in self._db.execute("SELECT row FROM outcomes ORDER BY row")))

    def settled(self) -> int:
        """How many rows have an outcome, or have failed in this run."""
        return self._db.execute("SELECT (SELECT COUNT(*) FROM outcomes) + (SELECT COUNT(*) FROM failures)").fetchone()[
            0
        ]

    def progress(self) -> Progress:
        """Counts so far. Cheap to poll: only requests that are new since the last call are read."""
        for length, reason, number in self._db.execute(
            "SELECT length(token_ids) / 4, finish_reason, number FROM requests WHERE number > ? ORDER BY number",
            (self._counted,),
        ):
            self._totals[1 if reason == SCORED else 0] += length
            self._totals[2] += reason != SCORED
            self._counted = number
        stages = dict(self._db.execute("SELECT stage, COUNT(*) FROM outcomes GROUP BY stage"))
        return Progress(stages, *self._totals)

    def begin_session(self) -> int:
        """Note that a session of this build starts now; returns its number for `note_session`."""
        return self._db.execute("INSERT INTO sessions (started, seconds) VALUES (?, 0)", (time.time(),)).lastrowid

    def note_session(self, number: int, seconds: float) -> None:
        """Update how long a session has run."""
        self._db.execute("UPDATE sessions SET seconds = ? WHERE number = ?", (seconds, number))

    def sessions(self) -> tuple[int, float]:
        """How many sessions this build has had, and their seconds together."""
        return self._db.execute("SELECT COUNT(*), COALESCE(SUM(seconds), 0) FROM sessions").fetchone()

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)


class _Transaction:
    """BEGIN IMMEDIATE ... COMMIT: takes the write lock at once, so that writers queue and never deadlock."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._db.in_transaction:  # a full disk may have rolled back already
            self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _ints(values: Sequence[int]) -> bytes:
    return _little(array("i", values))


def _floats(values: Sequence[float]) -> bytes:
    return _little(array("f", values))


def _little(values: array) -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _array(kind: str, data: bytes) -> array:
    values = array(kind)
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values
