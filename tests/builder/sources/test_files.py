import csv
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.config import SourceSpec
from builder.errors import InputError
from builder.sources import arrow
from tests.builder.sources.loaded import load_all

ROWS = [
    {
        "problem": f"What is {n} + {n}?\nThink, then “answer”.",
        "solution": f"So, \\boxed{{{2 * n}}}",
        "answer": str(2 * n),
    }
    for n in range(7)
]


def write(file, rows):
    if file.suffix == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif file.suffix == ".json":
        file.write_text(json.dumps(rows))
    elif file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=2)
    else:
        with file.open("w", newline="", encoding="utf-8") as content:
            writer = csv.DictWriter(content, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return file


def read(file, **fields):
    return load_all([SourceSpec(name=str(file), **fields)], None, 0)


def error_of(file, **fields):
    with pytest.raises(InputError) as caught:
        read(file, **fields)
    message = str(caught.value)
    assert "\n" not in message
    assert file.name in message
    return message


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet", ".csv"])
@pytest.mark.parametrize("limit", [None, 3])
def test_every_format_gives_the_same_rows(tmp_path, suffix, limit):
    file = write(tmp_path / f"made{suffix}", ROWS)
    loaded = load_all([SourceSpec(name=str(file))], limit, 1)
    assert len(loaded.rows) == (limit or 7)
    assert loaded.rejected == []
    for row in loaded.rows:
        assert row.problem == ROWS[row.row]["problem"]
        assert row.expert_solution == ROWS[row.row]["solution"]
        assert row.gold == ROWS[row.row]["answer"]
        assert row.id == f"made-000000{row.row}"
    assert loaded.provenance[0]["rows"] == 7
    assert loaded.provenance[0]["name"] == loaded.provenance[0]["file"] == file.name
    assert str(tmp_path) not in json.dumps(loaded.provenance)


def test_a_directory_of_parquet_is_one_source(tmp_path):
    (tmp_path / "b").mkdir()
    write(tmp_path / "a.parquet", ROWS[:3])
    write(tmp_path / "b" / "c.parquet", ROWS[3:])
    every = read(tmp_path)
    assert [row.problem for row in every.rows] == [row["problem"] for row in ROWS]
    some = load_all([SourceSpec(name=str(tmp_path))], 4, 5)
    assert some.rows == [every.rows[row.row] for row in some.rows]
    pq.write_table(pa.table({"other": ["x"]}), tmp_path / "z.parquet")
    assert "does not have the same columns as" in error_of(tmp_path)


def test_the_revision_of_a_file_follows_its_content(tmp_path):
    def revision(rows):
        return read(write(tmp_path / "x.jsonl", rows)).provenance[0]["revision"]

    assert revision(ROWS).startswith("sha256:")
    assert revision(ROWS) == revision(ROWS) != revision(ROWS[:-1])


def test_faulty_lines_are_rejected_one_by_one(tmp_path):
    good = json.dumps(ROWS[0]).encode()
    lines = [
        good,
        b'{"problem": "cut off',
        b"[1, 2]",
        b"",
        b'{"problem": "caf\xe9", "solution": "x"}',
        b'{"problem": "no solution"}',
        b'{"problem": "  ", "solution": "x"}',
        b'{"problem": ["a"], "solution": "x"}',
        b'{"problem": "half \\ud800", "solution": "x"}',
        b'{"problem": "deep", "solution": ' + b"[" * 100_000,
        json.dumps({"problem": "x" * 1_000_001, "solution": "x"}).encode(),
        json.dumps(ROWS[1]).encode(),
    ]
    file = tmp_path / "x.jsonl"
    file.write_bytes(b"\r\n".join(lines))
    loaded = read(file)
    assert [row.row for row in loaded.rows] == [0, 10]
    assert {row.reason for row in loaded.rejected} == {"malformed"}
    details = {row.row: row.detail for row in loaded.rejected}
    assert list(details) == list(range(1, 10))
    assert details[1].startswith("x.jsonl, line 2: invalid JSON: Unterminated string")
    assert details[2] == "x.jsonl, line 3: expected an object with fields, got list"
    assert details[3] == "x.jsonl, line 5: not valid UTF-8 at byte 17"
    assert details[4] == "x.jsonl, line 6: field 'solution': missing"
    assert details[5] == "x.jsonl, line 7: field 'problem': empty"
    assert details[6] == "x.jsonl, line 8: field 'problem': expected text, got list"
    assert details[7] == "x.jsonl, line 9: field 'problem': half a surrogate pair at character 6"
    assert details[8].startswith("x.jsonl, line 10: invalid JSON")
    assert details[9].endswith("field 'problem': 1,000,001 bytes, at most 1,000,000 are read")
    texts = {row.row: row.problem for row in loaded.rejected}
    assert texts[4] == "no solution"
    assert texts[7] == "half ?"
    assert len(texts[9]) == 10_000


def test_a_byte_order_mark_is_no_part_of_the_first_field(tmp_path):
    for suffix in (".jsonl", ".json", ".csv"):
        file = write(tmp_path / f"x{suffix}", ROWS)
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
        assert len(read(file).rows) == 7


def test_faulty_cells_of_a_csv(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text('problem,solution,answer\n2+2?,"so, 4",4\n3+3?,6\n\n,5,5\n' + "y" * 200_000 + ",x,\n")
    loaded = read(file)
    assert [(row.expert_solution, row.gold) for row in loaded.rows] == [("so, 4", "4"), ("x", None)]
    assert [row.detail for row in loaded.rejected] == [
        "x.csv, row 2: 2 cells where the header has 3",
        "x.csv, row 3: field 'problem': empty",
    ]


def test_parquet_text_that_is_not_utf8_is_one_faulty_row(tmp_path):
    bad = pa.array([b"fine", b"caf\xe9"]).view(pa.string())
    pq.write_table(pa.table({"problem": bad, "solution": ["a", "b"]}), tmp_path / "x.parquet")
    loaded = read(tmp_path / "x.parquet")
    assert [row.problem for row in loaded.rows] == ["fine"]
    assert loaded.rejected[0].detail.startswith("x.parquet, row 2: unreadable value: 'utf-8' codec can't decode")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", b"", "is empty"),
        ("x.jsonl", b"\n \n", "is empty"),
        ("x.jsonl", b"nonsense\n" * 3, "holds no row with fields; x.jsonl, line 1: invalid JSON"),
        ("x.jsonl", b"{}\n", "x.jsonl, line 1: no fields"),
        ("x.json", b"[]", "is empty"),
        ("x.json", b"", "not readable as JSON"),
        ("x.json", b'{"problem": "x"}\n{"problem": "y"}\n', "one object a line is .jsonl"),
        ("x.json", b'{"problem": "x"}', "expected an array of objects, got dict"),
        ("x.json", b'["a"]', "expected an object with fields, got str"),
        ("x.json", b'[{"problem": "caf\xe9"}]', "not valid UTF-8 at byte 18"),
        ("x.csv", b"", "is empty"),
        ("x.csv", b"problem,solution\n", "is empty"),
        ("x.csv", b"problem,solution\ncaf\xe9,x\n", "not valid UTF-8"),
        ("x.csv", b'problem,solution\n"never closed,x\n', "line 2: not readable as CSV: unexpected end of data"),
        ("x.csv", b"problem,problem\nx,y\n", "names 'problem' more than once"),
        ("x.parquet", b"", "not readable as Parquet"),
        ("x.parquet", b"PAR1 but not really", "not readable as Parquet"),
        ("x.txt", b"2+2=4", "unknown format '.txt'; expected one of .jsonl, .json, .parquet, .csv"),
    ],
)
def test_a_file_that_is_unreadable_as_a_whole(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert message in error_of(tmp_path / name)


def test_truncated_and_damaged_parquet(tmp_path):
    whole = write(tmp_path / "whole.parquet", ROWS).read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole[:-50])
    assert "not readable as Parquet" in error_of(cut)
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(whole[:4] + b"\xff" * 60 + whole[64:])
    assert "not readable as Parquet" in error_of(damaged)


def test_paths_that_are_no_files(tmp_path):
    assert "does not exist" in error_of(tmp_path / "missing.jsonl")
    assert "holds no .parquet file" in error_of(tmp_path)
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert "neither a regular file nor a directory" in error_of(tmp_path / "pipe.jsonl")
    assert "File name too long" in error_of(tmp_path / f"{'x' * 300}.jsonl")


@pytest.fixture
def forbidden(tmp_path):
    """A file that may not be read; the superuser may read everything, and gives that up for a moment."""
    file = write(tmp_path / "x.jsonl", ROWS)
    file.chmod(0)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield file
    os.seteuid(before)


def test_permission_denied(forbidden):
    assert "cannot be read: Permission denied" in error_of(forbidden)


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet", ".csv"])
def test_a_named_field_that_is_not_there(tmp_path, suffix):
    file = write(tmp_path / f"x{suffix}", ROWS)
    message = error_of(file, solution_field="worked")
    assert "no field 'worked' for --solution-field; its fields: problem, solution, answer" in message


def test_a_parquet_file_is_read_alike_whatever_its_row_groups_and_batches(tmp_path, monkeypatch):
    rows = [{"problem": f"p{n}", "solution": f"s{n}", "unused": "x"} for n in range(23)]
    file = tmp_path / "x.parquet"
    read_rows = {}
    for group in (1, 4, 7, 100):
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=group)
        for batch in (1, 3, 1000):
            monkeypatch.setattr(arrow, "_BATCH", batch)
            for limit in (None, 5, 1):
                found = load_all([SourceSpec(name=str(file))], limit, 3).rows
                assert found == read_rows.setdefault(limit, found)
                assert [row.problem for row in found] == [f"p{row.row}" for row in found]
    assert [len(found) for found in read_rows.values()] == [23, 5, 1]
