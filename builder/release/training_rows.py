"""The rows of `default` with what belongs to them in another config: candidates or token ids. Streamed, in order."""

import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from builder.errors import InputError
from builder.release.open import Release

_ROW = ("id", "source", "stage", "answer", "prompt", "completion", "completion_tokens", "expert_solution",
        "self_sampled", "guided_sampled")  # fmt: skip
_CANDIDATE = ("id", "phase", "text", "verdict", "finish_reason", "tokens")
_TOKENS = ("id", "prompt_ids", "completion_ids")

Row = dict[str, Any]


def training_rows(release: Release, needs: str | None) -> Iterator[Row]:
    """All rows of a release.

    Args:
        release: with `default` and the config that is needed.
        needs: `candidates` adds them as a list, `tokens` the token ids.

    Raises:
        InputError: the config does not go with `default`.
    """
    rows = _read(release, "default", _ROW)
    if needs == "tokens":
        return _with_tokens(rows, release)
    return _with_candidates(rows, release) if needs == "candidates" else rows


def problem_id(row_id: str, release: Release) -> str:
    """The id of the problem that a row is of: a selection may keep several rows of one, ID, ID#2 and so on."""
    several = release.manifest.get("reselection", {}).get("keep")
    return re.sub(r"#\d+$", "", row_id) if several else row_id


def _with_tokens(rows: Iterator[Row], release: Release) -> Iterator[Row]:
    for row, tokens in zip(rows, _read(release, "tokens", _TOKENS), strict=True):
        if row["id"] != tokens["id"]:
            raise InputError(f"release {release.name}: config tokens does not go with default at row {row['id']}")
        yield row | tokens


def _with_candidates(rows: Iterator[Row], release: Release) -> Iterator[Row]:
    groups = groupby(_read(release, "candidates", _CANDIDATE), key=itemgetter("id"))
    at, found = None, []
    for row in rows:
        problem = problem_id(row["id"], release)
        while row["self_sampled"] + row["guided_sampled"] and at != problem:  # those of problems left out are passed by
            try:
                at, group = next(groups)
            except StopIteration:
                raise InputError(f"release {release.name}: no candidates of row {row['id']}") from None
            found = list(group) if at == problem else []
        yield row | {"candidates": found if at == problem else []}


def _read(release: Release, config: str, columns: tuple[str, ...]) -> Iterator[Row]:
    import pyarrow.parquet as pq

    for path in release.files(config):
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(1_000, columns=list(columns)):
                yield from batch.to_pylist()
