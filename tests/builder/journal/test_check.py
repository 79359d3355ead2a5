"""What is checked of a journal that was checked before, and when everything is again."""

import json
import shutil
import sqlite3

import pytest

from builder.engines.protocol import Completion
from builder.errors import JournalError
from builder.journal.check import is_whole
from builder.journal.journal import Journal
from builder.journal.sqlite import mark_file
from builder.method.alignment import Decision
from builder.method.outcome import Outcome, Texts


def key(n):
    return b"key-%03d" % n


def add(path, *numbers):
    with Journal(path) as journal:
        journal.put((key(n), Completion([n] * 200, [-n / 8] * 200, "stop")) for n in numbers)
        journal.put_outcomes(Outcome(n, f"r{n}", Decision("fallback"), Texts("ab", "ab")) for n in numbers)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "journal.sqlite"
    add(file, *range(40))
    return file


CHANGES = {
    "requests": "UPDATE requests SET logprobs = zeroblob(800) WHERE number = ?",
    "outcomes": "UPDATE outcomes SET body = '{}' WHERE row = ?",
}


def damage(path, n, table="requests"):
    """Change an entry behind SQLite's back; requests are numbered from 1."""
    with sqlite3.connect(path) as db:
        assert db.execute(CHANGES[table], (n,)).rowcount == 1


def marked(path):
    return json.loads(mark_file(path).read_text())


def test_a_journal_is_marked_as_far_as_it_was_whole(path):
    assert is_whole(path)
    assert (marked(path)["number"], marked(path)["tallies"]) == (40, {"sampled": [40, 40 * 200]})
    add(path, 40, 41)
    assert is_whole(path)
    assert (marked(path)["number"], marked(path)["tallies"]) == (42, {"sampled": [42, 42 * 200]})


def test_what_was_checked_is_not_read_again_but_what_is_new_is(path):
    assert is_whole(path)
    damage(path, 7)
    assert is_whole(path)
    add(path, 40)
    damage(path, 41)
    assert not is_whole(path)


@pytest.mark.parametrize("table", ["requests", "outcomes"])
def test_damage_that_is_seen_later_has_everything_checked_the_next_time(path, table):
    assert is_whole(path)
    damage(path, 7, table)
    with Journal(path) as journal, pytest.raises(JournalError, match="the same command saves what can be read"):
        journal.get(key(6)) if table == "requests" else list(journal.outcomes())
    assert not is_whole(path)


def test_an_older_copy_of_the_journal_is_checked_from_the_start(path, tmp_path):
    shutil.copyfile(path, tmp_path / "copy")
    add(path, 40, 41)
    assert is_whole(path)
    shutil.copyfile(tmp_path / "copy", path)
    damage(path, 7)
    assert not is_whole(path)
    shutil.copyfile(tmp_path / "copy", path)
    add(path, 50, 51, 52)  # as many as the mark says, but others
    damage(path, 7)
    assert not is_whole(path)


def test_a_journal_that_was_cut_short_since_is_not_whole(path):
    assert is_whole(path)
    content = path.read_bytes()
    path.write_bytes(content[: -2 * (1 << 14)])
    assert not is_whole(path)


@pytest.mark.parametrize("change", ["DELETE FROM requests WHERE number > 38", "DELETE FROM outcomes WHERE row = 3"])
def test_entries_that_are_missing_are_missed(path, change):
    assert is_whole(path)
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER untally_outcome")
        db.execute(change)
    assert not is_whole(path)


def test_a_mark_that_cannot_be_read_is_none(path):
    for content in ("", "[]", '{"number": "x"}', "{}"):
        mark_file(path).write_text(content)
        assert is_whole(path)
        assert marked(path)["number"] == 40
