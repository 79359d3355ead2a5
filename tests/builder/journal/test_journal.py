import math
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engines.protocol import Completion, SamplingParams, Scores
from builder.errors import InputError, JournalError
from builder.journal import sqlite as journal_db
from builder.journal.journal import SCORED, Journal, entropy_key, generation_keys, scoring_key
from builder.method.alignment import Decision
from builder.method.outcome import Outcome, Texts

PARAMS = SamplingParams(1.0, 1.0, 64, (2, 0))
float32 = st.floats(width=32, allow_nan=False)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as opened:
        yield opened


def completion(tokens=(5, 2), reason="stop"):
    return Completion(list(tokens), [-0.5] * len(tokens), reason)


def outcome(row, stage="fallback", **changes):
    return replace(Outcome(row, f"r{row}", Decision(stage), Texts("ab", "ab")), **changes)


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), float32), max_size=50), st.sampled_from(["stop", "length"]))
def test_round_trips_any_tokens_and_float32_logprobs_exactly(tmp_path_factory, pairs, reason):
    entry = Completion([t for t, _ in pairs], [p for _, p in pairs], reason)
    with Journal(tmp_path_factory.mktemp("j") / "journal.sqlite") as journal:
        journal.put([(b"k", entry)])
        assert journal.get(b"k") == entry


def test_infinite_logprobs_survive(journal):
    journal.put([(b"k", Completion([1], [-math.inf], "stop"))])
    assert journal.get(b"k").logprobs == [-math.inf]


def test_every_part_of_a_request_is_part_of_its_key():
    base = ("model", [1, 2], PARAMS, [(0, 0)])
    changed = [
        ("other", [1, 2], PARAMS, [(0, 0)]),
        ("model", [1, 2, 3], PARAMS, [(0, 0)]),
        ("model", [1, 2], SamplingParams(0.9, 1.0, 64, (2, 0)), [(0, 0)]),
        ("model", [1, 2], SamplingParams(1.0, 1.0, 65, (2, 0)), [(0, 0)]),
        ("model", [1, 2], SamplingParams(1.0, 1.0, 64, (2,)), [(0, 0)]),
        ("model", [1, 2], PARAMS, [(1, 0)]),
        ("model", [1, 2], PARAMS, [(0, 1)]),
        ("model", [1, 2], PARAMS, [(11, 1)]),
        ("model", [1, 2], PARAMS, [(1, 11)]),
    ]
    keys = {key for request in [base, *changed] for key in generation_keys(*request)}
    assert len(keys) == len(changed) + 1
    assert generation_keys(*base) == generation_keys("model", (1, 2), PARAMS, [(0, 0)])


def test_samples_of_one_prompt_are_neighbours_and_of_another_are_not():
    ours = generation_keys("model", [1, 2], PARAMS, [(5, 0), (6, 1)])
    (other,) = generation_keys("model", [1, 3], PARAMS, [(5, 0)])
    assert ours[0][:16] == ours[1][:16] != other[:16]
    assert len({ours[0][16:], ours[1][16:], other[16:]}) == 3


def test_scoring_tells_prompt_from_completion():
    assert scoring_key("m", [1], [2, 3]) != scoring_key("m", [1, 2], [3])


def test_what_is_there_stays_and_unknown_keys_are_none(journal):
    journal.put([(b"k", completion())])
    journal.put([(b"k", completion((9, 9, 9)))])
    assert journal.get(b"k").token_ids == [5, 2]
    assert journal.get(b"other") is None


def test_entries_survive_closing(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.put([(b"k", completion())])
        journal.put_outcomes([outcome(0)])
    with Journal(tmp_path / "j") as journal:
        assert journal.get(b"k") == completion()
        assert list(journal.finished_rows()) == [0]


def test_outcomes_come_in_source_order_and_once_each(journal):
    journal.put_outcomes([outcome(2), outcome(0)])
    journal.put_outcomes([outcome(1), outcome(0, "self_alignment")])
    assert [(o.row, o.stage) for o in journal.outcomes()] == [
        (0, "self_alignment"),
        (1, "fallback"),
        (2, "fallback"),
    ]


def test_a_finished_row_forgets_its_failure(journal):
    journal.put_failures([("r0", "engine gone"), ("r1", "engine gone")])
    journal.put_outcomes([outcome(0)])
    assert journal.failures() == [("r1", "engine gone")]
    journal.clear_failures()
    assert journal.failures() == []


def test_progress_counts_what_other_connections_add(journal):
    assert journal.progress().rows == 0
    with Journal(journal.path) as other:
        other.put([(b"a", completion((1, 2, 3)))])
        other.put_scores(b"b", [1, 2, 3, 4], Scores([-1.0] * 4, [0.5] * 4, [0.1] * 4))
    first = journal.progress()
    assert (first.sampled_tokens, first.scored_tokens, first.candidates) == (3, 4, 1)
    with Journal(journal.path) as other:
        other.put([(b"c", completion((1,)))])
        other.put_outcomes([outcome(0, "guided_alignment")])
    second = journal.progress()
    assert (second.sampled_tokens, second.scored_tokens, second.candidates) == (4, 4, 2)
    assert second.stages == {"guided_alignment": 1}
    assert journal.get(b"b").finish_reason == SCORED


def test_sessions_add_up(journal):
    for seconds in (10.0, 5.5):
        journal.note_session(journal.begin_session(), seconds)
    assert journal.sessions() == (2, 15.5)


def test_a_journal_of_an_older_version_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "j") as db:
        db.execute("CREATE TABLE requests (number INTEGER PRIMARY KEY, key, token_ids, logprobs, finish_reason)")
    with pytest.raises(InputError, match="older version"):
        Journal(tmp_path / "j")


def test_a_changed_byte_is_noticed_when_its_entry_is_read(journal):
    journal.put([(b"k", completion())])
    journal.put_outcomes([outcome(0)])
    with sqlite3.connect(journal.path) as db:
        db.execute("UPDATE requests SET logprobs = zeroblob(8)")
        db.execute("UPDATE outcomes SET body = replace(body, 'fallback', 'fellback')")
    for read in (lambda: journal.get(b"k"), lambda: list(journal.outcomes())):
        with pytest.raises(JournalError, match=r"journal .* is damaged on disk"):
            read()


def test_a_journal_that_another_program_holds_is_one_clear_line(journal, monkeypatch):
    monkeypatch.setattr(journal_db, "LOCK_SECONDS", 0.1)
    with Journal(journal.path) as ours, sqlite3.connect(journal.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="was locked by another program for more than 0 s"):
            ours.put([(b"k", completion())])
        other.execute("ROLLBACK")
        ours.put([(b"k", completion())])
        assert ours.get(b"k") == completion()


def test_a_journal_without_room_is_one_clear_line_and_keeps_what_it_has(journal):
    journal.put([(b"first", completion())])
    journal._db.execute("PRAGMA max_page_count = 12")  # what SQLite does on a full disk, without one
    with pytest.raises(JournalError, match="cannot be used: database or disk is full"):
        journal.put([(b"%d" % n, completion((5,) * 500)) for n in range(100)])
    assert journal.get(b"first") == completion()
    journal._db.execute("PRAGMA max_page_count = 100000")
    journal.put([(b"later", completion())])
    assert journal.get(b"later") == completion()


def test_a_failed_transaction_leaves_nothing(journal):
    with pytest.raises(sqlite3.IntegrityError):
        journal.put_outcomes([outcome(0), outcome(1, id=None)])
    assert list(journal.finished_rows()) == []


def test_many_entries_at_once_are_the_same_as_one_by_one(journal):
    wanted = {b"%04d" % n: completion((n, 5, 2), "length" if n % 3 else "stop") for n in range(1201)}
    journal.put(wanted.items())
    asked = [*wanted, b"unknown"]
    found = journal.entries(asked)
    assert found.keys() == wanted.keys()
    for key, entry in found.items():
        got = Completion(entry.token_ids.tolist(), entry.logprobs.tolist(), entry.finish_reason)
        assert got == wanted[key] == journal.get(key)
    assert journal.entries([]) == {}


def test_many_entries_at_once_are_checked_too(journal):
    journal.put([(b"a", completion()), (b"b", completion())])
    with sqlite3.connect(journal.path) as db:
        db.execute("UPDATE requests SET token_ids = zeroblob(8) WHERE key = ?", (b"b",))
    assert journal.entries([b"a"])[b"a"].token_ids.tolist() == [5, 2]
    with pytest.raises(JournalError, match="is damaged on disk"):
        journal.entries([b"a", b"b"])


def test_finished_rows_ascend(journal):
    assert journal.finished_rows().tolist() == []
    journal.put_outcomes([outcome(7), outcome(0), outcome(300)])
    assert journal.finished_rows().tolist() == [0, 7, 300]


def test_progress_counts_each_entry_and_each_row_once(journal):
    journal.put([(b"a", completion()), (b"a", completion((1, 2, 3)))])
    journal.put([(b"a", completion())])
    journal.put_outcomes([outcome(0), outcome(1)])
    journal.put_outcomes([outcome(0, "self_alignment")])
    progress = journal.progress()
    assert (progress.candidates, progress.sampled_tokens) == (1, 2)
    assert progress.stages == {"fallback": 1, "self_alignment": 1}
    with pytest.raises(sqlite3.IntegrityError):
        journal.put_outcomes([outcome(5), outcome(6, id=None)])
    assert journal.progress() == progress


@pytest.mark.parametrize("bounds", [[], [0.25, 0.0, 0.5]])
def test_entropies_of_a_scored_text_come_back_with_their_bounds(journal, bounds):
    journal.put_scores(b"a", [1, 2, 3], Scores([-1.0, -2.0, -3.0], [0.5, 1.0, 1.5], bounds))
    entry = journal.entries([entropy_key(b"a")])[entropy_key(b"a")]
    entropies, found = entry.entropies(3)
    assert entropies.tolist() == [0.5, 1.0, 1.5]
    assert found.tolist() == (bounds or [0.0, 0.0, 0.0])


def test_a_text_that_was_scored_before_gets_its_entropies_later(journal):
    journal.put_scores(b"a", [1], Scores([-1.0]))
    assert journal.get(entropy_key(b"a")) is None
    journal.put_scores(b"a", [1], Scores([-1.5], [0.5]))
    assert journal.get(b"a").logprobs == [-1.0]  # what is there stays
    assert journal.get(entropy_key(b"a")).logprobs == [0.5]


def test_a_journal_that_is_only_looked_at_takes_nothing_and_shows_what_others_write(journal):
    journal.put([(b"k", completion())])
    with Journal(journal.path, readonly=True) as reader:
        assert reader.get(b"k") == completion()
        journal.put_outcomes([outcome(3)])
        assert [found.id for found in reader.outcomes()] == ["r3"]
        assert reader.refusals.given_up() == {}
        with pytest.raises(JournalError, match="readonly"):
            reader.put([(b"other", completion())])
    assert journal.progress().candidates == 1


def test_a_journal_that_is_not_there_is_not_made_by_looking_at_it(tmp_path):
    with pytest.raises(JournalError, match="unable to open"):
        Journal(tmp_path / "journal.sqlite", readonly=True)
    assert list(tmp_path.iterdir()) == []


def test_a_journal_is_read_where_nobody_may_write(tmp_path, monkeypatch):
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.put([(b"k", completion())])
    monkeypatch.setattr(journal_db.os, "access", lambda path, mode: False)
    with Journal(tmp_path / "journal.sqlite", readonly=True) as reader:
        assert reader.get(b"k") == completion()
    assert [file.name for file in tmp_path.iterdir()] == ["journal.sqlite"]  # not even SQLite's own notes
