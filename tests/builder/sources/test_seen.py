import errno

import pytest

from builder.sources.seen import Seen


def test_the_first_row_of_a_text_is_remembered_by_kind():
    seen = Seen()
    assert seen.first("problem", "p") is None
    seen.add("problem", "p", "r0")
    assert seen.first("problem", "p") == "r0"
    assert seen.first("id", "p") is None
    assert seen.first("problem", "") is None
    seen.add("problem", "", "r1")
    assert seen.first("problem", "") == "r1"


def fill(seen, texts):
    for n in range(texts):
        seen.add("problem", f"problem {n}", str(n))


def test_many_texts_are_told_apart():
    seen = Seen()
    fill(seen, 20_000)
    assert all(seen.first("problem", f"problem {n}") == str(n) for n in range(0, 20_000, 7))
    assert seen.first("problem", "problem 20000") is None


def test_a_temporary_directory_without_room_is_an_error_of_the_machine():
    seen = Seen()
    seen._db.execute("PRAGMA max_page_count = 8")  # what SQLite does on a full disk, without one
    with pytest.raises(OSError, match="no room for a temporary file") as full:
        fill(seen, 5_000)
    assert full.value.errno == errno.ENOSPC
