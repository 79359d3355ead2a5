"""The Parquet files of a release, written as a stream: what is in memory is one row group."""

from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from builder.records import CONFIGS, schema

_ROW_GROUP = 10_000  # rows


def data_file(release: Path, config: str) -> Path:
    """The Parquet file of a config."""
    return release / "data" / config / "train-00000.parquet"


class ConfigWriter:
    """Writes the file of one config; a file without rows still has its schema."""

    def __init__(self, release: Path, config: str) -> None:
        file = data_file(release, config)
        file.parent.mkdir(parents=True)
        self._schema = schema(CONFIGS[config])
        # Content-defined chunks: a revised version of D′ uploads only what changed. They find back to the same cuts
        # behind a changed row, but not across row groups, which are therefore many chunks long.
        self._writer = pq.ParquetWriter(
            file, self._schema, compression="zstd", use_content_defined_chunking=True, write_page_index=True
        )
        self._group: list[pa.Table] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush(1)
        self._writer.close()

    def add(self, table: pa.Table) -> None:
        """Append rows; what the table has beyond the columns of the config is left out."""
        self._group.append(table.select(self._schema.names))
        if sum(map(len, self._group)) >= _ROW_GROUP:
            self._flush(_ROW_GROUP)

    def _flush(self, least: int) -> None:
        """Write row groups as long as there are at least so many rows."""
        pending = pa.concat_tables([self._schema.empty_table(), *self._group])
        while len(pending) >= least:
            self._writer.write_table(pending.slice(0, _ROW_GROUP))
            pending = pending.slice(_ROW_GROUP)
        self._group = [pending]
