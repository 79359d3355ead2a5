"""All sources of a build as rows: a seeded sample, read, checked row by row, without duplicates, in a stream."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from builder.config import Shard, SourceSpec
from builder.sources.fields import MalformedError, content_of, excerpt, id_in, metadata_of, origin_of
from builder.sources.filters import reject
from builder.sources.near_duplicates import NearDuplicates
from builder.sources.readers import Source, open_source
from builder.sources.rows import RejectedRow, SourceRow
from builder.sources.seen import Seen
from builder.sources.table import Record


@dataclass(frozen=True)
class Loaded:
    """Every row that was drawn.

    Attributes:
        provenance: one mapping a source, see `readers.Source`.
        rows: in source order, to build or rejected as `malformed`, `duplicate` or `near_duplicate`; read as they are
            asked for.
    """

    provenance: list[dict[str, Any]]
    rows: Iterator[SourceRow | RejectedRow]


def load(
    specs: Sequence[SourceSpec],
    limit: int | None,
    seed: int,
    shard: Shard | None = None,
    near_duplicates: float | None = None,
) -> Loaded:
    """Draw `limit` rows from the concatenated sources (all, if there are no more) and check each of them.

    Of a shard only its own part of those rows is returned; the rows before it are read too, because its own may be
    duplicates of them. To find near duplicates, from a Jaccard index on (`near_duplicates`), all of that is read twice.

    Raises:
        InputError: a source is missing or unreadable as a whole; the fault of a single row is a rejected row. It may
            turn up while the rows are read.
    """
    sources = [open_source(spec, seed) for spec in specs]
    chosen = sample(seed, sum(len(source.table) for source in sources), limit)
    own = shard.part(len(chosen)) if shard else range(len(chosen))
    first = chosen[own.start] if own else 0
    chosen = chosen[: own.stop if own else 0]

    def read() -> Iterator[SourceRow | RejectedRow]:
        return _read(sources, chosen)

    rows = _without_near_duplicates(read, near_duplicates) if near_duplicates else read()
    return Loaded([source.provenance for source in sources], (row for row in rows if row.row >= first))


def _read(sources: Sequence[Source], chosen: Sequence[int]) -> Iterator[SourceRow | RejectedRow]:
    intake, start = _Intake(), 0
    for source, slug in zip(sources, _distinct([source.slug for source in sources]), strict=True):
        end = start + len(source.table)
        indices = _counted_from(start, chosen[bisect_left(chosen, start) : bisect_left(chosen, end)])
        for index, record in zip(indices, source.read(indices), strict=True):
            yield intake.take(record, start + index, f"{slug}-{index:07d}", source)
        start = end


def _without_near_duplicates(
    read: Callable[[], Iterator[SourceRow | RejectedRow]], threshold: float
) -> Iterator[SourceRow | RejectedRow]:
    found = NearDuplicates((row for row in read() if isinstance(row, SourceRow)), threshold)
    for row in read():
        repeated = found.take(row) if isinstance(row, SourceRow) else None
        yield reject(row, "near_duplicate", str(repeated)) if repeated else row


def _counted_from(start: int, positions: Sequence[int]) -> Sequence[int]:
    if isinstance(positions, range):  # all rows: no list of them
        return range(positions.start - start, positions.stop - start)
    return [position - start for position in positions]


def sample(seed: int, total: int, limit: int | None) -> Sequence[int]:
    """Positions of a uniform sample without replacement, ascending; a function of the arguments alone.

    A larger sample holds the smaller ones of the same seed: what was paid for these is used.
    """
    if limit is None or limit >= total:
        return range(total)
    random, chosen = Random(f"sample-{seed}"), set()
    while len(chosen) < limit:
        chosen.add(random.randrange(total))
    return sorted(chosen)


class _DuplicateError(ValueError):
    """The row repeats another one."""


class _Intake:
    """Turns records into rows, one after the other, and remembers the ids and problems it has seen."""

    def __init__(self) -> None:
        self._seen = Seen()

    def take(self, record: Record, row: int, made_up_id: str, source: Source) -> SourceRow | RejectedRow:
        """One record as a row or as a rejected row; `made_up_id` serves where it has no usable one."""
        row_id, fields = made_up_id, source.fields
        origin = origin_of(record.values, fields)
        try:
            if record.fault is not None:
                raise MalformedError(record.fault)
            if fields.id:
                row_id = self._new_id(record, fields.id)
            problem, solutions, gold = content_of(record.values, fields)
            metadata = metadata_of(record.values, fields.metadata)
            normalised = self._new_problem(problem)
        except (MalformedError, _DuplicateError) as fault:
            reason = "malformed" if isinstance(fault, MalformedError) else "duplicate"
            texts = [excerpt(record.values.get(name)) for name in (fields.problem, fields.solution)]
            detail = f"{record.where}: {fault}"
            return RejectedRow(row, self._claim(row_id), source.name, reason, detail, *texts, origin)
        row_id = self._claim(row_id)
        self._seen.add("problem", normalised, row_id)
        several = {"experts": solutions, "expert_index": 0} if len(solutions) > 1 else {}
        return SourceRow(row, row_id, source.name, problem, solutions[0], gold, origin, metadata, **several)

    def _new_id(self, record: Record, field: str) -> str:
        row_id = id_in(record.values, field)
        if self._seen.first("id", row_id):
            raise _DuplicateError(f"field {field!r}: another row has the id {row_id!r}")
        return row_id

    def _new_problem(self, problem: str) -> str:
        normalised = " ".join(problem.split()).casefold()
        if (first := self._seen.first("problem", normalised)) is not None:
            raise _DuplicateError(f"the same problem as {first}")
        return normalised

    def _claim(self, row_id: str) -> str:
        """The id itself, or, where a row's own id looks like a made-up one, something close to it."""
        while self._seen.first("id", row_id):
            row_id += "-again"
        self._seen.add("id", row_id, row_id)
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
