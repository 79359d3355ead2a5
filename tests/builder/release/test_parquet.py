import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.release import parquet
from builder.release.parquet import TableWriter

SCHEMA = pa.schema([("id", pa.string()), ("number", pa.int32())])
ROWS = [{"id": str(n), "number": n % 7} for n in range(1_000)]


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    monkeypatch.setattr(parquet, "_ROW_GROUP", 300)


def test_the_same_rows_are_the_same_bytes_however_they_come(tmp_path):
    for portion in (1, 7, 299, 300, 301, 1_000):
        with TableWriter(tmp_path / str(portion), SCHEMA) as writer:
            for start in range(0, len(ROWS), portion):
                writer.add(ROWS[start : start + portion])
        assert writer.rows == len(ROWS)
    files = list(tmp_path.iterdir())
    assert len({file.read_bytes() for file in files}) == 1
    assert pq.read_table(files[0]).to_pylist() == ROWS
    metadata = pq.read_metadata(files[0])
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [300, 300, 300, 100]


def test_a_file_without_rows_has_its_columns(tmp_path):
    with TableWriter(tmp_path / "f", SCHEMA) as writer:
        writer.add([])
    assert pq.read_schema(tmp_path / "f") == SCHEMA
    assert writer.rows == pq.read_metadata(tmp_path / "f").num_rows == 0


def test_what_is_no_column_is_left_out(tmp_path):
    with TableWriter(tmp_path / "f", SCHEMA) as writer:
        writer.add(row | {"more": 1} for row in ROWS)
    assert pq.read_table(tmp_path / "f").to_pylist() == ROWS


def test_large_tables_are_several_files_that_do_not_tell_how_the_rows_came(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_FILE", 2_000)
    for portion in (7, 301, 1_000):
        folder = tmp_path / str(portion)
        folder.mkdir()
        with TableWriter(lambda number, folder=folder: folder / f"{number}.parquet", SCHEMA) as writer:
            for start in range(0, len(ROWS), portion):
                writer.add(ROWS[start : start + portion])
    first, *others = ([file.read_bytes() for file in sorted(folder.iterdir())] for folder in tmp_path.iterdir())
    assert len(first) > 1
    assert all(other == first for other in others)
    whole = pq.ParquetDataset(tmp_path / "7").read().to_pylist()
    assert whole == ROWS
    assert all(pq.read_metadata(file).num_row_groups for file in (tmp_path / "7").iterdir())
