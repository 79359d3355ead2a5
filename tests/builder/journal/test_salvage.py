"""Journals that a disk has cut short or changed: what is whole is kept, and nothing changed is believed."""

import random
import sqlite3

import pytest

from builder.engines.protocol import Completion
from builder.errors import InputError
from builder.journal.journal import Journal
from builder.journal.salvage import salvage
from builder.method.alignment import Decision
from builder.method.outcome import Judged, Outcome, Texts

ROWS = 240
PAGE = 1 << 14


def completion(n):
    return Completion([n] * 200 + [2], [-n / 8] * 201, "stop")


def outcome(n):
    key = b"key-%03d" % n
    drawn = {"self": [Judged(0, key.hex(), "correct", "boxed", None)], "guided": []}
    return Outcome(n, f"r{n}", Decision("self_alignment", 0), Texts(key.hex(), key.hex()), drawn)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "journal.sqlite"
    with Journal(file) as journal:
        for n in range(ROWS):
            journal.put([(b"key-%03d" % n, completion(n))])
            journal.put_outcomes([outcome(n)])
    return file


def state(path):
    """Everything a journal still gives, checked against what was put in."""
    with Journal(path) as journal:
        found = {n: journal.get(b"key-%03d" % n) for n in range(ROWS)}
        outcomes = list(journal.outcomes())
    kept = {n: entry for n, entry in found.items() if entry is not None}
    assert all(entry == completion(n) for n, entry in kept.items())
    assert all(o == outcome(o.row) and o.row in kept for o in outcomes)
    return len(kept), len(outcomes)


def test_a_whole_journal_is_left_alone(path, tmp_path):
    before = path.read_bytes()
    assert salvage(path) is None
    assert salvage(tmp_path / "none.sqlite") is None
    assert path.read_bytes() == before


def test_one_changed_bit_costs_one_answer(path):
    content = bytearray(path.read_bytes())
    place = content.index(completion(7).token_ids[0].to_bytes(4, "little") * 50)
    content[place + 20] ^= 1
    path.write_bytes(content)
    said = salvage(path)
    assert said.startswith(f"the journal was damaged on disk: {ROWS - 1} answers and {ROWS - 1} finished rows")
    assert state(path) == (ROWS - 1, ROWS - 1)
    assert (path.parent / "journal.damaged").read_bytes() == bytes(content)
    assert salvage(path) is None


def test_a_journal_cut_short_gives_back_its_beginning(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "could be read and are kept" in salvage(path)
    requests, outcomes = state(path)
    assert 0 < outcomes <= requests < ROWS


@pytest.mark.parametrize("seed", range(20))
def test_whatever_a_disk_does_nothing_changed_is_believed(path, seed):
    rng = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 3, 30))):
        start = rng.randrange(PAGE, len(content))  # without its first page, the header, it is lost: see below
        length = rng.choice((1, 16, PAGE))
        content[start : start + length] = rng.choice((bytes(length), rng.randbytes(length)))
    path.write_bytes(content)
    said = salvage(path)
    assert said is None or "could be read and are kept" in said  # the damage may have hit nothing but unused bytes
    state(path)
    assert salvage(path) is None


@pytest.mark.parametrize("content", [b"this is not a database, whatever its name says" * 100, bytes(8192)])
def test_what_is_no_journal_at_all_is_one_clear_error(tmp_path, content):
    file = tmp_path / "journal.sqlite"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"journal .* cannot be read .*start over with --fresh"):
        salvage(file)


def test_entries_of_the_write_ahead_log_count_too(path):
    with Journal(path) as journal:
        journal.put([(b"late", completion(1))])
        with sqlite3.connect(path) as other:  # keeps the log from being folded in
            other.execute("SELECT * FROM requests").fetchone()
            assert salvage(path) is None
            assert journal.get(b"late") == completion(1)


def test_a_journal_whose_tallies_are_not_those_of_its_content_is_made_anew(path):
    with sqlite3.connect(path) as db:
        db.execute("UPDATE tallies SET entries = entries + 1")
    assert salvage(path).startswith(f"the journal was damaged on disk: {ROWS} answers and {ROWS} finished rows")
    with Journal(path) as journal:
        progress = journal.progress()
        assert (progress.rows, progress.candidates, progress.sampled_tokens) == (ROWS, ROWS, ROWS * 201)


def test_a_journal_of_an_older_version_is_left_alone(tmp_path):
    file = tmp_path / "journal.sqlite"
    with sqlite3.connect(file) as db:
        db.execute(
            "CREATE TABLE requests (number INTEGER PRIMARY KEY, key, token_ids, logprobs, finish_reason, checksum)"
        )
    assert salvage(file) is None
