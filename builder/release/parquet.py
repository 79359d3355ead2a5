"""Parquet files that are written in portions, and whose bytes do not tell in which."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

_ROW_GROUP = 10_000  # rows


class TableWriter:
    """Streams rows into a Parquet file; a file without rows still has its schema.

    Where row groups end depends on the rows alone, not on how they arrive: the same rows make the same file.

    Args:
        file: to write.
        schema: its columns.

    Attributes:
        rows: how many were added.
    """

    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._schema = schema
        # Content-defined chunks: a revised version of D′ uploads only what changed. They find back to the same cuts
        # behind a changed row, but not across row groups, which are therefore many chunks long.
        self._writer = pq.ParquetWriter(
            file, schema, compression="zstd", use_content_defined_chunking=True, write_page_index=True
        )
        self._group: list[pa.Table] = []
        self._held = 0  # rows of `_group`

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()

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
            # Combined, because the writer's pages would otherwise tell in which portions the rows came.
            self._writer.write_table(pa.concat_tables(self._group).combine_chunks())
            self._group, self._held = [], 0
