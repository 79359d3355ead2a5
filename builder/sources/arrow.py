"""Parquet files and Hub datasets: Arrow columns, of which only the wanted rows become Python objects."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from builder.errors import InputError
from builder.sources.table import Record

if TYPE_CHECKING:
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

_BATCH = 1000  # rows
_BUFFER = 1 << 20  # bytes of a column chunk that are read at once


class ParquetTable:
    """One or more Parquet files, a thousand rows in memory at a time.

    Raises:
        InputError: a file is not (or no longer) Parquet, or the files do not have the same columns.
    """

    def __init__(self, files: Sequence[Path]):
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._files = files
        self._groups: list[list[int]] = []  # rows of each row group of each file
        for file in files:
            try:
                with pq.ParquetFile(file) as parquet:
                    columns, metadata = parquet.schema_arrow.names, parquet.metadata
            except pa.ArrowException as error:
                raise _unreadable(file, error) from None
            if file is files[0]:
                self.columns: list[str] = columns
            elif set(columns) != set(self.columns):
                raise InputError(f"{file} does not have the same columns as {files[0]}; give them one by one")
            self._groups.append([metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)])

    def __len__(self) -> int:
        return sum(map(sum, self._groups))

    def read(self, indices: Sequence[int], columns: Sequence[str]) -> Iterator[Record]:
        """See `Table.read`."""
        start = 0
        for file, groups in zip(self._files, self._groups, strict=True):
            chosen = _between(indices, start, start + sum(groups))
            yield from _read_file(file, groups, chosen, columns)
            start += sum(groups)


class HubTable:
    """A split of a Hub dataset, memory-mapped."""

    def __init__(self, name: str, dataset: "datasets.Dataset"):
        self._name, self._dataset = name, dataset
        self.columns: list[str] = dataset.column_names

    def __len__(self) -> int:
        return len(self._dataset)

    def read(self, indices: Sequence[int], columns: Sequence[str]) -> Iterator[Record]:
        """See `Table.read`."""
        chosen = self._dataset.select_columns(list(columns)).with_format("arrow")
        for first in range(0, len(indices), _BATCH):
            batch = indices[first : first + _BATCH]
            yield from _records(self._name, batch, chosen.select(batch)[:])


def _read_file(file: Path, groups: Sequence[int], indices: Sequence[int], columns: Sequence[str]) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    ends = list(accumulate(groups, initial=0))
    wanted = [group for group, rows in enumerate(groups) if _between(indices, ends[group], ends[group] + rows)]
    # Buffered ahead, the chunks of all row groups would stay in memory until the last one is read.
    with pq.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER) as parquet:
        for group in wanted:
            start = ends[group]
            for batch in _batches(file, parquet, group, columns):
                if chosen := _between(indices, start, start + len(batch)):
                    table = pa.Table.from_batches([batch]).take(chosen)
                    yield from _records(file.name, [start + index for index in chosen], table)
                start += len(batch)


def _batches(file: Path, parquet: "pq.ParquetFile", group: int, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
    import pyarrow as pa

    try:
        yield from parquet.iter_batches(_BATCH, row_groups=[group], columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from None


def _between(indices: Sequence[int], start: int, end: int) -> list[int]:
    """Those of the ascending `indices` that lie in `[start, end)`, counted from `start`."""
    return [index - start for index in indices[bisect_left(indices, start) : bisect_left(indices, end)]]


def _records(name: str, indices: Sequence[int], table: "pa.Table") -> Iterator[Record]:
    for index, row in zip(indices, zip(*table.columns, strict=True), strict=True):
        where = f"{name}, row {index + 1}"
        try:
            yield Record(where, {c: cell.as_py() for c, cell in zip(table.column_names, row, strict=True)})
        except ValueError as error:  # text that is not UTF-8, dates that Python does not know
            yield Record(where, {}, f"unreadable value: {error}")


def _unreadable(file: Path, error: Exception) -> InputError:
    return InputError(f"{file} is not readable as Parquet: {str(error).splitlines()[0]}")
