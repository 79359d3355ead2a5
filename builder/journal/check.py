"""Whether a journal is whole: everything in it once, and from then on what was added since.

What a disk changes later in what was checked before is found where it is read, because every entry carries a checksum;
whoever finds it forgets the mark (`sqlite.forget_mark`), and the next session checks everything again.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from builder.errors import JournalError
from builder.journal.journal import SAMPLED, SCORED, VERSION
from builder.journal.sqlite import checksum, connect, is_damage, mark_file
from builder.machine.atomic import write_atomically

REQUESTS = "SELECT number, key, token_ids, logprobs, finish_reason, checksum FROM requests WHERE number"
OUTCOMES = "SELECT row, body, checksum FROM outcomes WHERE row"
_OF_STAGES = f"kind NOT IN ('{SAMPLED}', '{SCORED}')"
_HEADER = 32  # bytes of the file that say how many pages it has


@dataclass(frozen=True)
class Mark:
    """How far a journal was checked.

    Attributes:
        number: of the last request that was checked; 0 for none.
        checksum: of that request. Where the journal has another one, it was restored from a copy, and is another.
        tallies: entries and tokens of the requests up to there, by kind.
    """

    number: int = 0
    checksum: int = 0
    tallies: dict[str, list[int]] = field(default_factory=dict)


def is_whole(path: Path) -> bool:
    """Whether SQLite finds the structure in order, and every entry has its checksum; of a marked journal, the new ones.

    Raises:
        JournalError: it cannot be read, and that is not its own fault.
    """
    try:
        with closing(connect(path)) as db:
            mark = _mark(path, db)
            if mark is None and db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return False
            if db.execute("PRAGMA user_version").fetchone() != (VERSION,):
                return True  # created, and killed before its tables; or an older one, which a Journal refuses
            checked = _checked(db.execute(f"{REQUESTS} > ?", (mark.number if mark else 0,)), mark or Mark())
            if checked is None or not _outcomes_are_whole(db, everything=mark is None):
                return False
            whole = _tallies(db) == checked.tallies
    except JournalError as error:
        if is_damage(error):
            return False
        raise
    if whole:
        write_atomically(mark_file(path), json.dumps(asdict(checked)))
    return whole


def intact(entry: tuple) -> bool:
    """Whether what stands between an entry's number and its checksum has that checksum."""
    try:
        return checksum(*entry[1:-1]) == entry[-1]
    except (TypeError, AttributeError):  # the damage has made another type of it
        return False


def stated_length(file: Path) -> int:
    """Bytes that a journal's header says it has."""
    with file.open("rb") as content:
        header = content.read(_HEADER)
    page = int.from_bytes(header[16:18], "big")
    return int.from_bytes(header[28:32], "big") * (1 << 16 if page == 1 else page)


def _mark(path: Path, db: sqlite3.Connection) -> Mark | None:
    """How far this very journal was checked; None if never, or if it was cut short since."""
    try:
        mark = Mark(**json.loads(mark_file(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    last = db.execute(f"{REQUESTS} = ?", (mark.number,)).fetchone()
    known = last is not None and intact(last) and last[-1] == mark.checksum
    return mark if known and path.stat().st_size >= stated_length(path) else None


def _checked(requests: Iterable[tuple], before: Mark) -> Mark | None:
    """How far a journal is checked once these requests are; None if one of them has not its checksum."""
    number, last = before.number, before.checksum
    tallies = {kind: list(tally) for kind, tally in before.tallies.items()}
    for request in requests:
        if not intact(request):
            return None
        tally = tallies.setdefault(SCORED if request[4] == SCORED else SAMPLED, [0, 0])
        tally[0] += 1
        tally[1] += len(request[2]) // 4
        number, last = request[0], request[-1]
    return Mark(number, last, tallies)


def _outcomes_are_whole(db: sqlite3.Connection, *, everything: bool) -> bool:
    """Whether outcomes are as many as were tallied; with `everything`, by stage, and each has its checksum."""
    stages = dict(db.execute(f"SELECT kind, entries FROM tallies WHERE entries > 0 AND {_OF_STAGES}"))
    if not everything:
        return db.execute("SELECT COUNT(*) FROM outcomes").fetchone() == (sum(stages.values()),)
    counted = dict(db.execute("SELECT stage, COUNT(*) FROM outcomes GROUP BY stage"))
    return stages == counted and all(map(intact, db.execute(f"{OUTCOMES} >= 0")))


def _tallies(db: sqlite3.Connection) -> dict[str, list[int]]:
    """Entries and tokens of all requests, by kind, as they were tallied."""
    tallies = db.execute(f"SELECT kind, entries, tokens FROM tallies WHERE entries > 0 AND NOT {_OF_STAGES}")
    return {kind: tally for kind, *tally in tallies}
