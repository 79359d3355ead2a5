"""Rows of a release as Arrow tables; tokens and their log-probs get there without becoming Python objects."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from builder.release.records import CONFIGS, schema

_ARRAYS = {pa.list_(pa.int32()): np.int32, pa.list_(pa.float32()): np.float32}


def table(config: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of a config, each with all its columns; lists of numbers are arrays `[time]` or None."""
    columns = {column.name: (column.type, [row[column.name] for row in rows]) for column in CONFIGS[config]}
    made = {
        name: lists(values, _ARRAYS[kind]) if kind in _ARRAYS else values for name, (kind, values) in columns.items()
    }
    return pa.Table.from_pydict(made, schema=schema(CONFIGS[config]))


def lists(values: Sequence[np.ndarray | None], dtype: type) -> pa.ListArray:
    """A column of lists `[rows][time]`; None is a null."""
    offsets = np.cumsum([0, *(0 if v is None else len(v) for v in values)], dtype=np.int32)
    flat = np.concatenate([np.empty(0, dtype), *(v for v in values if v is not None)]).astype(dtype, copy=False)
    mask = pa.array([v is None for v in values], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat), mask=mask)
