"""What every release goes through, whoever fills it: Parquet files, plots, card, manifest last, and one rename.

Where there is a `manifest.json`, the release is complete.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from builder.building.workspace import Workspace
from builder.release.card import render_card
from builder.release.manifest import NAME, facts, file_facts
from builder.release.records import CONFIGS, schema

BATCH = 250  # rows held as Python objects, with all their candidates
_ROW_GROUP = 10_000  # rows


def begin(workspace: Workspace) -> Path:
    """An empty directory for a new release, within the working directory."""
    shutil.rmtree(workspace.new_release, ignore_errors=True)
    workspace.new_release.mkdir(parents=True)
    return workspace.new_release


def complete(content: dict[str, Any], output: Path, workspace: Workspace) -> dict[str, Any]:
    """Add plots, card and manifest to the new release, whose data files are written, and put it in its place.

    Args:
        content: of the manifest, but for the facts about its files.
        output: where the release appears; an earlier release there is replaced.
        workspace: the working directory that `begin` was called with.

    Returns:
        The manifest.
    """
    scratch = workspace.new_release
    content = content | {"plots": _plots(scratch, content)}
    content["files"] = file_facts(scratch)
    card = scratch / "README.md"
    card.write_text(render_card(content), encoding="utf-8")
    content["files"][card.name] = facts(card)
    (scratch / NAME).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _sync(scratch)
    _swap(scratch, output, workspace.old_release)
    return content


def settle(output: Path, workspace: Workspace) -> None:
    """Complete the swap that a kill cut in two: the earlier release was out of the way, the new one not yet there.

    Raises:
        InputError: another build is using the working directory.
    """
    if not output.exists() and workspace.old_release.exists() and (workspace.new_release / NAME).exists():
        with workspace.locked(fresh=False):
            _swap(workspace.new_release, output, workspace.old_release)


def data_file(release: Path, config: str) -> Path:
    """The Parquet file of a config."""
    return release / "data" / config / "train-00000.parquet"


class ConfigWriter:
    """Streams rows into one config's Parquet file; a file without rows still has its schema.

    Where row groups end depends on the rows alone, not on how they arrive: the same rows make the same file.
    """

    def __init__(self, release: Path, config: str) -> None:
        self._schema = schema(CONFIGS[config])
        file = data_file(release, config)
        file.parent.mkdir(parents=True)
        # Content-defined chunks: a revised version of D′ uploads only what changed. They find back to the same cuts
        # behind a changed row, but not across row groups, which are therefore many chunks long.
        self._writer = pq.ParquetWriter(
            file, self._schema, compression="zstd", use_content_defined_chunking=True, write_page_index=True
        )
        self._group: list[pa.Table] = []
        self._held = 0  # rows of `_group`

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_table(self, table: pa.Table) -> None:
        """Append rows, whose columns are those of the config."""
        while len(table):
            part = table.slice(0, _ROW_GROUP - self._held)
            self._group.append(part)
            self._held += len(part)
            table = table.slice(len(part))
            if self._held == _ROW_GROUP:
                self._flush()

    def close(self) -> None:
        """Complete the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._group:
            # Combined, because the writer's pages would otherwise tell in which portions the rows came.
            self._writer.write_table(pa.concat_tables(self._group).combine_chunks())
            self._group, self._held = [], 0


def _plots(scratch: Path, content: dict[str, Any]) -> list[dict[str, str]]:
    """Draw the main plots for the card; returns file, title and caption of each. A release without rows has none."""
    if not content["summary"]["stages"]["all"]:
        return []
    from builder.release.open import Release
    from builder.reporting.static_plots import write_plots
    from builder.reporting.statistics import collect

    release = Release(scratch.name, scratch, None, content)
    plots = write_plots(release, collect(release), scratch / "plots")
    return [{"file": f"plots/{plot.file.name}", "title": plot.title, "caption": plot.caption} for plot in plots]


def _sync(directory: Path) -> None:
    """Make sure that a release whose name is on disk is there itself, even if the power fails."""
    for path in [*directory.rglob("*"), directory]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(new: Path, output: Path, old: Path) -> None:
    """Put the new release in the place of the earlier one; killed in between, `settle` completes it."""
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(output, old)
    os.rename(new, output)
    shutil.rmtree(old, ignore_errors=True)
