"""CSV with a header line: every cell is text."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from builder.errors import InputError
from builder.sources.table import Record

# The library's own 128 KiB would end a whole file over one long cell, which is a fault of one row.
_CELL_LIMIT = 1 << 30


class CsvTable:
    """A `.csv` file, UTF-8, comma-separated, quoted with `"`. Passed over twice rather than kept in memory.

    Raises:
        InputError: not UTF-8, broken quoting, or a header that names a column twice.
    """

    def __init__(self, file: Path):
        self._file = file
        rows = self._rows()
        self.columns = next(rows, [])
        if twice := sorted({name for name in self.columns if self.columns.count(name) > 1}):
            raise InputError(f"{file}: the header names {', '.join(map(repr, twice))} more than once")
        self._length = sum(1 for _ in rows)

    def __len__(self) -> int:
        return self._length

    def read(self, indices: Sequence[int], columns: Sequence[str]) -> Iterator[Record]:
        """See `Table.read`; a row whose number of cells is not the header's is a fault."""
        rows = self._rows()
        next(rows)
        wanted = iter(indices)
        index = next(wanted, None)
        for number, cells in enumerate(rows):
            if number == index:
                yield self._record(number, cells)
                index = next(wanted, None)
            if index is None:
                return

    def _record(self, number: int, cells: list[str]) -> Record:
        where = f"{self._file.name}, row {number + 1}"
        if len(cells) != len(self.columns):
            return Record(where, {}, f"{len(cells)} cells where the header has {len(self.columns)}")
        return Record(where, dict(zip(self.columns, cells, strict=True)))

    def _rows(self) -> Iterator[list[str]]:
        csv.field_size_limit(_CELL_LIMIT)
        with self._file.open(encoding="utf-8-sig", newline="") as content:
            reader = csv.reader(content, strict=True)
            try:
                yield from (cells for cells in reader if cells)  # blank lines are no rows
            except UnicodeDecodeError:
                raise InputError(f"{self._file}: not valid UTF-8 after line {reader.line_num}") from None
            except csv.Error as error:
                raise InputError(f"{self._file}, line {reader.line_num}: not readable as CSV: {error}") from None
