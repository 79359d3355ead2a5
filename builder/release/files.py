"""What every release is made of, whoever fills it: Parquet files, plots, card, Croissant file, and the manifest last.

Where there is a `manifest.json`, the release is complete.
"""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builder.errors import InputError
from builder.release.card import CARD, render_card
from builder.release.croissant import CROISSANT, render_croissant
from builder.release.manifest import NAME, facts, file_facts
from builder.release.open import Release
from builder.release.parquet import TableWriter
from builder.release.records import CONFIGS, schema

BATCH = 250  # rows held as Python objects, with all their candidates


def finish(scratch: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Add card, Croissant file and manifest to a new release, whose data files and plots are written.

    Args:
        scratch: its directory, where it is not seen yet.
        content: of the manifest, but for the facts about its files.

    Returns:
        The manifest.
    """
    content = content | {"files": file_facts(scratch)}
    for name, text in ((CARD, render_card(content)), (CROISSANT, render_croissant(scratch, content))):
        (scratch / name).write_text(text, encoding="utf-8")
        content["files"][name] = facts(scratch / name)
    (scratch / NAME).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return content


def data_file(release: Path, config: str, number: int = 0) -> Path:
    """A Parquet file of a config; large ones have several."""
    return release / "data" / config / f"train-{number:05}.parquet"


def config_writer(release: Path, config: str) -> TableWriter:
    """Writes a config's Parquet files."""
    data_file(release, config).parent.mkdir(parents=True)
    return TableWriter(partial(data_file, release, config), schema(CONFIGS[config]))


def batches(release: Release, config: str) -> Iterator[pa.Table]:
    """The rows of a config in order, at most `BATCH` at a time.

    Raises:
        InputError: it has other columns than this version of the tool writes.
    """
    expected = schema(CONFIGS[config])
    for path in release.files(config):
        # Buffered ahead, a file stays in memory as a whole until its last batch is read.
        with pq.ParquetFile(path, pre_buffer=False) as file:
            found = file.schema_arrow.remove_metadata()
            if found != _without_later(config, found.names):
                raise InputError(
                    f"{path} has other columns than this version of the tool writes; the same build command makes it "
                    "anew from its working directory, without sampling again"
                )
            for batch in file.iter_batches(BATCH):
                yield _complete(pa.Table.from_batches([batch]), expected)


def _without_later(config: str, there: Sequence[str]) -> pa.Schema:
    """A config's schema but for columns that a release of an earlier version may lack, and that are not there."""
    return schema(tuple(column for column in CONFIGS[config] if column.name in there or not column.may_lack))


def _complete(table: pa.Table, expected: pa.Schema) -> pa.Table:
    """With nulls in the columns that an earlier version did not write."""
    for field in expected:
        if field.name not in table.schema.names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table.select(expected.names).cast(expected)
