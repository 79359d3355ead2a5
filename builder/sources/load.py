"""All sources of a build as rows: a seeded sample, read, checked row by row, without duplicates."""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from builder.config import SourceSpec
from builder.sharding import Shard
from builder.sources.fields import MalformedError, content_of, excerpt, id_in
from builder.sources.readers import Source, open_source
from builder.sources.rows import RejectedRow, SourceRow
from builder.sources.table import Record


@dataclass
class Loaded:
    """Every row that was drawn, either to build or rejected, each list in source order.

    Attributes:
        rows: to build from.
        rejected: `malformed` or `duplicate`.
        provenance: one mapping a source, see `readers.Source`.
    """

    rows: list[SourceRow] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    provenance: list[dict[str, Any]] = field(default_factory=list)


def load(specs: Sequence[SourceSpec], limit: int | None, seed: int, shard: Shard | None = None) -> Loaded:
    """Draw `limit` rows from the concatenated sources (all, if there are no more) and check each of them.

    Of a shard only its own part of those rows is returned; the rows before it are read too, because its own may be
    duplicates of them.

    Raises:
        InputError: a source is missing or unreadable as a whole; the fault of a single row is a rejected row.
    """
    sources = [open_source(spec, seed) for spec in specs]
    chosen = sample(seed, sum(len(source.table) for source in sources), limit)
    own = shard.part(len(chosen)) if shard else range(len(chosen))
    intake = _Intake(first=chosen[own.start] if own else 0)
    chosen = chosen[: own.stop if own else 0]
    start = 0
    for source, slug in zip(sources, _distinct([source.slug for source in sources]), strict=True):
        end = start + len(source.table)
        indices = [row - start for row in chosen[bisect_left(chosen, start) : bisect_left(chosen, end)]]
        for index, record in zip(indices, source.read(indices), strict=True):
            intake.take(record, start + index, f"{slug}-{index:07d}", source)
        intake.loaded.provenance.append(source.provenance)
        start = end
    return intake.loaded


def sample(seed: int, total: int, limit: int | None) -> Sequence[int]:
    """Positions of a uniform sample without replacement, ascending; a function of the arguments alone."""
    if limit is None or limit >= total:
        return range(total)
    return sorted(Random(f"sample-{seed}").sample(range(total), limit))


class _DuplicateError(ValueError):
    """The row repeats another one."""


class _Intake:
    """Turns records into rows, one after the other, and remembers the ids and problems it has seen.

    Args:
        first: position of the first row to return; earlier ones are only remembered.
    """

    def __init__(self, first: int) -> None:
        self.loaded = Loaded()
        self._first = first
        self._ids: set[str] = set()
        self._problems: dict[bytes, str] = {}  # digest of the normalised problem -> id of its row

    def take(self, record: Record, row: int, made_up_id: str, source: Source) -> None:
        """Add one record, as a row or as a rejected row; `made_up_id` serves where it has no usable one."""
        row_id, fields, reason = made_up_id, source.fields, None
        try:
            if record.fault is not None:
                raise MalformedError(record.fault)
            if fields.id:
                row_id = self._new_id(record, fields.id)
            problem, solution, gold = content_of(record.values, fields)
            digest = self._new_problem(problem)
        except MalformedError as fault:
            reason, detail = "malformed", fault
        except _DuplicateError as fault:
            reason, detail = "duplicate", fault
        row_id = self._claim(row_id)
        if reason is None:
            self._problems[digest] = row_id
        if row < self._first:
            return
        if reason is None:
            self.loaded.rows.append(SourceRow(row, row_id, source.name, problem, solution, gold))
        else:
            texts = [excerpt(record.values.get(name)) for name in (fields.problem, fields.solution)]
            where = f"{record.where}: {detail}"
            self.loaded.rejected.append(RejectedRow(row, row_id, source.name, reason, where, *texts))

    def _new_id(self, record: Record, field: str) -> str:
        row_id = id_in(record.values, field)
        if row_id in self._ids:
            raise _DuplicateError(f"field {field!r}: another row has the id {row_id!r}")
        return row_id

    def _new_problem(self, problem: str) -> bytes:
        digest = hashlib.sha256(" ".join(problem.split()).casefold().encode()).digest()
        if digest in self._problems:
            raise _DuplicateError(f"the same problem as {self._problems[digest]}")
        return digest

    def _claim(self, row_id: str) -> str:
        """The id itself, or, where a row's own id looks like a made-up one, something close to it."""
        while row_id in self._ids:
            row_id += "-again"
        self._ids.add(row_id)
        return row_id


def _distinct(slugs: Sequence[str]) -> list[str]:
    """Number the slugs that repeat, so that ids made from them are unique."""
    taken: dict[str, None] = {}
    for slug in slugs:
        number, candidate = 1, slug
        while candidate in taken:
            number += 1
            candidate = f"{slug}-{number}"
        taken[candidate] = None
    return list(taken)
