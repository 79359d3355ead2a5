"""Parquet files that are written in portions, and whose bytes do not tell in which."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

_ROW_GROUP = 10_000  # rows
_FILE = 500_000_000  # bytes after which a file ends with its row group, where there may be several


class TableWriter:
    """Streams rows into Parquet files; where there are no rows, the first one still has its schema.

    Where row groups and files end depends on the rows alone, not on how they arrive: the same rows make the same files.

    Args:
        file: to write; or which file is the n-th, from 0, where large tables are several files.
        schema: its columns.

    Attributes:
        rows: how many were added.
    """

    def __init__(self, file: Path | Callable[[int], Path], schema: pa.Schema) -> None:
        self.rows = 0
        self._schema, self._file, self._files = schema, file, 0
        self._group: list[pa.Table] = []
        self._held = 0  # rows of `_group`
        self._open()

    def _open(self) -> None:
        """Begin a file."""
        self._sink = pa.OSFile(str(self._file(self._files) if callable(self._file) else self._file), "wb")
        # Content-defined chunks: a revised version of D′ uploads only what changed. They find back to the same cuts
        # behind a changed row, but not across row groups, which are therefore many chunks long.
        self._writer = pq.ParquetWriter(
            self._sink, self._schema, compression="zstd", use_content_defined_chunking=True, write_page_index=True
        )
        self._files += 1

    def _close(self) -> None:
        self._writer.close()
        self._sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._close()

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows; fields that are no columns are left out."""
        self.add_table(pa.Table.from_pylist(list(rows), schema=self._schema))

    def add_table(self, table: pa.Table) -> None:
        """Append rows, whose columns are those of the schema."""
        self.rows += len(table)
        while len(table):
            part = table.slice(0, _ROW_GROUP - self._held)
            self._group.append(part)
            self._held += len(part)
            table = table.slice(len(part))
            if self._held == _ROW_GROUP:
                self._flush()

    def _flush(self) -> None:
        if self._group:
            if callable(self._file) and self._sink.tell() >= _FILE:
                self._close()
                self._open()
            # Combined, because the writer's pages would otherwise tell in which portions the rows came.
            self._writer.write_table(pa.concat_tables(self._group).combine_chunks())
            self._group, self._held = [], 0
