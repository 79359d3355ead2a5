"""The journal: every finished engine request and every finished row, so that nothing is paid for twice.

One SQLite file in write-ahead mode, shared by the pipeline's step processes (each opens its own connection) and read by
the supervisor for progress. Requests are found by content: the key hashes everything that determines the answer, so a
changed prompt, sampling setting, seed or model revision is a different request, and the same one is never sent again.
Token ids are kept as little-endian int32 and log-probs as float32, the precision that engines compute them in. Every
entry carries a checksum: what a disk has changed is never taken for an answer (`salvage` replaces such a journal).
What is there is tallied as it is written, so that nobody has to count it: a journal has tens of millions of entries.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from builder.engines.protocol import Completion, SamplingParams, Scores
from builder.errors import InputError
from builder.journal.packed import floats, ints, unpacked_floats, unpacked_ints
from builder.journal.refusals import Refusals
from builder.journal.sqlite import Transaction, checksum, connect, damaged
from builder.journal.work import WorkTable
from builder.method.outcome import Outcome

if TYPE_CHECKING:
    import numpy as np

VERSION = 2  # of the layout
_PAGE = 1 << 14  # bytes: several completions a page
_LOOKUP = 500  # keys a statement
_PROMPT = 16  # bytes that keys of one prompt's samples begin with
_SCHEMA = (
    """CREATE TABLE requests (
    number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, token_ids BLOB NOT NULL, logprobs BLOB NOT NULL,
    finish_reason TEXT NOT NULL, checksum INTEGER NOT NULL)""",
    """CREATE TABLE outcomes (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, stage TEXT NOT NULL, body TEXT NOT NULL,
    checksum INTEGER NOT NULL)""",
    "CREATE TABLE tallies (kind TEXT PRIMARY KEY, entries INTEGER NOT NULL, tokens INTEGER NOT NULL)",
    """CREATE TRIGGER tally_request AFTER INSERT ON requests BEGIN
    INSERT INTO tallies VALUES (iif(new.finish_reason = 'scored', 'scored', 'sampled'), 1, length(new.token_ids) / 4)
    ON CONFLICT DO UPDATE SET entries = entries + 1, tokens = tokens + excluded.tokens; END""",
    """CREATE TRIGGER tally_outcome AFTER INSERT ON outcomes BEGIN
    INSERT INTO tallies VALUES (new.stage, 1, 0) ON CONFLICT DO UPDATE SET entries = entries + 1; END""",
    """CREATE TRIGGER untally_outcome AFTER DELETE ON outcomes BEGIN
    UPDATE tallies SET entries = entries - 1 WHERE kind = old.stage; END""",
    "CREATE TABLE failures (id TEXT PRIMARY KEY, error TEXT NOT NULL)",
    "CREATE TABLE sessions (number INTEGER PRIMARY KEY, started REAL NOT NULL, seconds REAL NOT NULL)",
    f"PRAGMA user_version = {VERSION}",
)
LAST_ROW = (1 << 63) - 1  # beyond any
SCORED = "scored"  # finish reason of a scoring request, and kind of its tally; it generated nothing
SAMPLED = "sampled"  # kind of the tally of all other requests


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

    @property
    def paid(self) -> bool:
        """Whether an engine has answered anything."""
        return bool(self.candidates or self.scored_tokens)

    def since(self, earlier: "Progress | None") -> "Progress":
        """What was asked for after `earlier`; rows all the same."""
        if earlier is None:
            return self
        names = ("sampled_tokens", "scored_tokens", "candidates")
        return replace(self, **{name: getattr(self, name) - getattr(earlier, name) for name in names})


class Entry(NamedTuple):
    """A finished request as it is kept: `[time]` int32 and float32; see `Completion`."""

    token_ids: "np.ndarray"
    logprobs: "np.ndarray"
    finish_reason: str

    def entropies(self, length: int) -> "tuple[np.ndarray, np.ndarray]":
        """Under an `entropy_key`: entropies and bounds, `[time]` each, of a text of `length` tokens."""
        values = self.logprobs[:length]
        return values, self.logprobs[length:] if len(self.logprobs) > length else values * 0


def generation_keys(
    model: str, prompt_ids: Sequence[int], params: SamplingParams, samples: Iterable[tuple[int, int]]
) -> list[bytes]:
    """Keys of the samples, each given by (seed, index), that `model` (revision and dtype) draws for a prompt.

    Their first half names the prompt and its settings, so that samples of one prompt are neighbours in the index.
    """
    request = _digest("generate", model, asdict(params), prompt_ids)
    rest = (hashlib.sha256(b"%b%d,%d" % (request, *sample)).digest() for sample in samples)
    return [request[:_PROMPT] + each[: len(request) - _PROMPT] for each in rest]


def scoring_key(model: str, prompt_ids: Sequence[int], completion_ids: Sequence[int]) -> bytes:
    """Key of the log-probs that `model` gives to a completion after a prompt."""
    return _digest("score", model, len(prompt_ids), [*prompt_ids, *completion_ids])


def entropy_key(key: bytes) -> bytes:
    """Key of the entropies of the text whose log-probs are under `key`."""
    return _digest("entropies", key.hex())


def _digest(*parts: Any) -> bytes:
    return hashlib.sha256(json.dumps(parts, separators=(",", ":"), sort_keys=True).encode()).digest()


class Journal:
    """One connection to a build's journal. Not to be shared between threads or across a fork.

    Args:
        path: its file.
        readonly: only look at a journal that is there; whoever writes to it does not notice.

    Attributes:
        path: its file.
        work: what the steps of this run have done, for progress alone.
        refusals: rows that the engine refuses.

    Raises:
        InputError: the file is not a journal of this version.
        JournalError: from every method: the file is damaged, locked by another program, or there is no room for it.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path
        self._db = connect(path, readonly=readonly)
        if not readonly:
            self._db.execute(f"PRAGMA page_size = {_PAGE}")  # of a new file; that of an old one stays
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
        if self._version() != VERSION:
            self._create(readonly=readonly)
        self.work = WorkTable(self._db)
        self.refusals = Refusals(self._db)

    def _version(self) -> int:
        return self._db.execute("PRAGMA user_version").fetchone()[0]

    def _create(self, *, readonly: bool) -> None:
        outdated = f"journal {self.path} was written by an older version of this tool; start over with --fresh"
        if readonly:
            raise InputError(outdated)
        with self._transaction():
            if self._version() == VERSION:  # another process has been faster
                return
            if self._db.execute("SELECT 1 FROM sqlite_schema").fetchone():
                raise InputError(outdated)
            for statement in _SCHEMA:
                self._db.execute(statement)

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

    def put_scores(self, key: bytes, completion_ids: Sequence[int], scores: Scores) -> None:
        """Keep the scores of one completion; its entropies are an entry without tokens, see `Entry.entropies`."""
        entries = [(key, completion_ids, scores.logprobs, SCORED)]
        if scores.entropies is not None:
            entries.append((entropy_key(key), (), [*scores.entropies, *scores.bounds], SCORED))
        self._insert(entries)

    def _insert(self, entries: Iterable[tuple[bytes, Sequence[int], Sequence[float], str]]) -> None:
        rows = [(key, ints(ids), floats(lps), reason) for key, ids, lps, reason in entries]
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
        return Completion(unpacked_ints(found[0]), unpacked_floats(found[1]), found[2])

    def drawn(self, key: bytes) -> int:
        """How many samples there are of the prompt, drawn in the way, that a key of `generation_keys` is of."""
        first, last = key[:_PROMPT], key[:_PROMPT] + b"\xff" * (len(key) - _PROMPT)
        (count,) = self._db.execute("SELECT COUNT(*) FROM requests WHERE key BETWEEN ? AND ?", (first, last)).fetchone()
        return count

    def entries(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        """The finished requests under many keys; those that are not there are left out."""
        import numpy as np

        found, wanted = {}, iter(keys)
        while some := tuple(islice(wanted, _LOOKUP)):
            marks = ",".join("?" * len(some))
            for key, *content, expected in self._db.execute(
                f"SELECT key, token_ids, logprobs, finish_reason, checksum FROM requests WHERE key IN ({marks})", some
            ):
                if expected != checksum(key, *content):
                    raise damaged(self.path)
                ids, logprobs, reason = content
                found[key] = Entry(np.frombuffer(ids, "<i4"), np.frombuffer(logprobs, "<f4"), reason)
        return found

    def put_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        """Record finished rows and forget their earlier failures."""
        outcomes = list(outcomes)
        with self._transaction():
            self._db.executemany("DELETE FROM outcomes WHERE row = ?", [(o.row,) for o in outcomes])
            self._db.executemany(
                "INSERT INTO outcomes (row, id, stage, body, checksum) VALUES (?, ?, ?, ?, ?)",
                [(o.row, o.id, o.stage, body := o.dump(), checksum(body)) for o in outcomes],
            )
            self._db.executemany("DELETE FROM failures WHERE id = ?", [(o.id,) for o in outcomes])

    def forget_outcomes(self) -> None:
        """What was made of the samples is void; the samples themselves stay."""
        self._db.execute("DELETE FROM outcomes")
        self.refusals.forget()

    def put_failures(self, failures: Iterable[tuple[str, str]]) -> None:
        """Record (row id, error) of rows that could not be finished in this run."""
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO failures (id, error) VALUES (?, ?)", list(failures))

    def clear_failures(self) -> None:
        """Forget the failures of an earlier run, whose rows are about to be tried again."""
        self._db.execute("DELETE FROM failures")
        self.refusals.clear()

    def failures(self, limit: int = 5) -> list[tuple[str, str]]:
        """Some (row id, error) of the last run."""
        return self._db.execute("SELECT id, error FROM failures ORDER BY id LIMIT ?", (limit,)).fetchall()

    def outcomes(self, first: int = 0, last: int = LAST_ROW) -> Iterator[Outcome]:
        """Finished rows from number `first` to `last` in source order, streamed."""
        rows = "SELECT body, checksum FROM outcomes WHERE row BETWEEN ? AND ? ORDER BY row"
        for body, expected in self._db.execute(rows, (first, last)):
            if checksum(body) != expected:
                raise damaged(self.path)
            yield Outcome.load(body)

    def finished_rows(self) -> "np.ndarray":
        """Row numbers of all rows that nothing is left to do for, given up or not, ascending, int64 `[rows]`."""
        import numpy as np

        rows = self._db.execute("SELECT row FROM outcomes UNION ALL SELECT row FROM refusals WHERE given_up")
        return np.sort(np.fromiter((row for (row,) in rows), np.int64))

    def settled(self) -> int:
        """How many rows have an outcome, or have failed in this run."""
        (failed,) = self._db.execute("SELECT COUNT(*) FROM failures").fetchone()
        return self.progress().rows + failed

    def progress(self) -> Progress:
        """Counts so far, at no cost: they are kept as entries are written."""
        stages, requests = {}, {SAMPLED: (0, 0), SCORED: (0, 0)}
        for kind, entries, tokens in self._db.execute("SELECT kind, entries, tokens FROM tallies"):
            if kind in requests:
                requests[kind] = entries, tokens
            elif entries:
                stages[kind] = entries
        (candidates, sampled), (_, scored) = requests[SAMPLED], requests[SCORED]
        return Progress(stages, sampled, scored, candidates)

    def begin_session(self) -> int:
        """Note that a session of this build starts now; returns its number for `note_session`."""
        return self._db.execute("INSERT INTO sessions (started, seconds) VALUES (?, 0)", (time.time(),)).lastrowid

    def note_session(self, number: int, seconds: float) -> None:
        """Update how long a session has run."""
        self._db.execute("UPDATE sessions SET seconds = ? WHERE number = ?", (seconds, number))

    def sessions(self) -> tuple[int, float]:
        """How many sessions this build has had, and their seconds together."""
        return self._db.execute("SELECT COUNT(*), COALESCE(SUM(seconds), 0) FROM sessions").fetchone()

    def _transaction(self) -> Transaction:
        return Transaction(self._db)
