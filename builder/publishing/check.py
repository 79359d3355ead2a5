"""Whether what people load at the tag is what was built: every config, every row, every value."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from builder.errors import MindTheGapError
from builder.release.open import Release
from builder.release.summary import rows_by_config

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1_000  # rows compared at once


class NotTheSameError(MindTheGapError):
    """What the Hub hands out is not what was published."""


def compare(release: Release, repo: str, tag: str) -> dict[str, int]:
    """Load every config of `repo` at `tag` as a user does, and compare it with the release.

    Returns:
        Rows by config; a config without rows cannot be loaded by anybody, and is left out.

    Raises:
        NotTheSameError: naming the config and the row.
    """
    from datasets import disable_progress_bars, enable_progress_bars

    configs = [config for config, rows in rows_by_config(release.manifest["summary"]).items() if rows]
    disable_progress_bars()
    try:
        # A cache of its own: nobody needs the copy, and no copy of somebody else's may stand in for it.
        with TemporaryDirectory(prefix="mind-the-gap-") as cache:
            return {config: _compare_config(release, repo, tag, config, cache) for config in configs}
    finally:
        enable_progress_bars()


def _compare_config(release: Release, repo: str, tag: str, config: str, cache: str) -> int:
    from datasets import load_dataset

    loaded = load_dataset(repo, config, revision=tag, split="train", cache_dir=cache).with_format("arrow")
    rows = 0
    for ours, theirs in zip_longest(_batches(release.files(config)), loaded.iter(_BATCH)):
        if ours is None or theirs is None or not ours.equals(theirs):
            raise NotTheSameError(
                f"config {config} of {repo} at {tag} differs from the release at row {_first(ours, theirs, rows)}"
            )
        rows += len(ours)
    return rows


def _first(ours: "pa.Table | None", theirs: "pa.Table | None", before: int) -> int:
    if ours is None or theirs is None:
        return before
    pairs = enumerate(zip(ours.to_pylist(), theirs.to_pylist(), strict=False))
    return before + next((n for n, (one, other) in pairs if one != other), min(len(ours), len(theirs)))


def _batches(files: list[Path]) -> Iterator["pa.Table"]:
    """All rows in tables of `_BATCH`, but for the last one."""
    import pyarrow as pa
    import pyarrow.dataset as arrow_files

    rest = None
    for batch in arrow_files.dataset(files).to_batches(batch_size=_BATCH):
        table = pa.Table.from_batches([batch])
        rest = pa.concat_tables([rest, table]) if rest else table
        while len(rest) >= _BATCH:
            yield rest.slice(0, _BATCH).combine_chunks()
            rest = rest.slice(_BATCH)
    if rest:
        yield rest.combine_chunks()
