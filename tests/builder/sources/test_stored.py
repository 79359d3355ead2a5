"""Rows that a program hands over become a source that is named by what they are."""

import json

import pytest

from builder.config import SourceSpec
from builder.errors import InputError
from builder.sources.stored import store
from tests.builder.sources.loaded import load_all

ROW = {"problem": "What is 2 + 2?", "solution": "It is \\boxed{4}."}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MIND_THE_GAP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def loaded(name, **fields):
    return load_all([SourceSpec(name=name, **fields)], None, 0)


def test_the_same_rows_are_the_same_source(cache):
    backwards = dict(reversed(ROW.items()))
    assert store([ROW]) == store(row for row in [backwards])
    assert store([ROW]) != store([ROW, ROW])
    assert len(list((cache / "rows").iterdir())) == 2


def test_they_are_read_as_the_lines_of_a_file_are(tmp_path):
    rows = [
        ROW,
        None,
        {"problem": "What is 3 + 3?"},
        {"problem": "Half a \ud800", "solution": "pair"},
        {"problem": "What is 1 + 1?", "solution": "Two.", "answer": float("nan")},
        dict(ROW),
        {"problem": "What is 5 + 5?", "solution": "Ten.", "answer": 10, "options": {"a": [1, None]}},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ours, files = (loaded(name, metadata_fields=["options"]) for name in (store(rows), str(file)))
    assert ours.rows == files.rows
    assert ours.rejected == files.rejected
    assert [row.reason for row in ours.rejected] == ["malformed"] * 4 + ["duplicate"]
    assert ours.rejected[0].detail == "rows.jsonl, line 2: expected an object with fields, got NoneType"
    assert ours.provenance[0]["name"] == "rows.jsonl"


@pytest.mark.parametrize("value", [{1, 2}, b"x", object()])
def test_what_json_cannot_say_is_refused_by_its_number(value):
    with pytest.raises(InputError, match="rows: row 2 is nothing that JSON can say: Object of type"):
        store([ROW, ROW | {"answer": value}])


def test_no_rows_are_no_source():
    with pytest.raises(InputError, match="is empty"):
        loaded(store([]))


@pytest.mark.parametrize("name", ["rows:" + "0" * 64, "rows:../../etc/passwd", "rows:"])
def test_rows_that_are_not_there(name):
    with pytest.raises(InputError, match=r"no such rows in .*; give them to builder\.api\.build again"):
        loaded(name)


def test_rows_that_were_changed(cache):
    name = store([ROW])
    (file,) = cache.rglob("rows.jsonl")
    file.write_text(file.read_text().replace("2 + 2", "2 + 3"))
    with pytest.raises(InputError, match="was changed"):
        loaded(name)
    assert store([ROW]) == name
    assert loaded(name).rows[0].problem == ROW["problem"]
