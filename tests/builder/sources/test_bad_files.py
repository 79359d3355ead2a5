"""Files as they come from disks, spreadsheets and other people: each is one clear error, or rejected rows."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.config import SourceSpec
from builder.errors import InputError
from tests.builder.sources.loaded import load_all

ROW = {"problem": "What is 1 + 1?", "solution": "\\boxed{2}", "answer": "2"}
HUGE = {**ROW, "problem": "x" * 10_000_000}


def read(file, **fields):
    return load_all([SourceSpec(name=str(file), **fields)], None, 0)


def written(file, rows):
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
    elif file.suffix == ".json":
        file.write_text(json.dumps(rows))
    elif file.suffix == ".csv":
        file.write_text("problem,solution,answer\n" + "".join(",".join(row.values()) + "\n" for row in rows))
    else:
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet", ".csv"])
def test_a_problem_of_ten_megabytes_is_a_rejected_row(tmp_path, suffix):
    loaded = read(written(tmp_path / f"x{suffix}", [ROW, HUGE]))
    assert [row.problem for row in loaded.rows] == [ROW["problem"]]
    assert "10,000,000 bytes, at most 1,000,000 are read" in loaded.rejected[0].detail
    assert len(loaded.rejected[0].problem) == 10_000


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp037"])
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv"])
def test_another_encoding_is_one_clear_error(tmp_path, suffix, encoding):
    file = written(tmp_path / f"x{suffix}", [ROW])
    file.write_bytes(file.read_text().encode(encoding))
    with pytest.raises(InputError) as refused:
        read(file)
    assert "\n" not in str(refused.value)
    assert file.name in str(refused.value)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([1, 2]), "int"),
        (pa.array([[1], [2]]), "int"),
        (pa.array([b"a", b"b"]), "bytes"),
        (pa.array([{"a": 1}, {"a": 2}]), "dict"),
        (pa.array([True, False]), "bool"),
        (pa.array([None, None], pa.string()), "missing"),
    ],
)
@pytest.mark.parametrize("field", ["problem", "solution"])
def test_a_column_of_the_wrong_type_rejects_its_rows_and_names_the_field(tmp_path, field, column, kind):
    whole = {"problem": pa.array(["p", "q"]), "solution": pa.array(["s", "t"])}
    pq.write_table(pa.table(whole | {field: column}), tmp_path / "x.parquet")
    loaded = read(tmp_path / "x.parquet")
    assert loaded.rows == []
    assert [row.reason for row in loaded.rejected] == ["malformed"] * 2
    for row in loaded.rejected:
        assert f"field '{field}'" in row.detail
        assert kind in row.detail or "list" in row.detail


def test_every_cut_of_a_parquet_file_is_one_clear_error(tmp_path):
    content = written(tmp_path / "whole.parquet", [ROW] * 50).read_bytes()
    file = tmp_path / "cut.parquet"
    for length in range(0, len(content), max(1, len(content) // 40)):
        file.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cut.parquet is not readable as Parquet") as refused:
            read(file)
        assert "\n" not in str(refused.value)


def test_ids_that_repeat_are_rejected_and_unique_in_the_release_all_the_same(tmp_path):
    rows = [{**ROW, "problem": f"What is 1 + {n}?", "id": row_id} for n, row_id in enumerate(["a", "a", "b", "", None])]
    loaded = read(written(tmp_path / "x.jsonl", rows), id_field="id")
    assert [row.id for row in loaded.rows] == ["a", "b"]
    assert [row.reason for row in loaded.rejected] == ["duplicate", "malformed", "malformed"]
    assert len({row.id for row in [*loaded.rows, *loaded.rejected]}) == 5
