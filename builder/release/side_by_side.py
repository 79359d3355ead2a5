"""The configs of a release, read through once and side by side: some rows at a time, with all their candidates."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from builder.errors import InputError
from builder.method.choosing.problem import Problem, Text
from builder.release.files import batches
from builder.release.open import Release
from builder.release.records import CONFIGS, schema

_SEEN = ("phase", "index", "text", "tokens", "rejected_reason", "policy_logprob", "excess_surprisal", "reuse_log_ratio")

Row = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """Some rows that follow each other.

    Attributes:
        rows: of `default`.
        tokens: of `tokens`, the same rows.
        expert: of `expert`, the same rows; empty in a release without tokens of candidates.
        candidates: theirs, those of each row together.
        seen: what a choice looks at of each candidate.
        starts: `[rows + 1]`, where each row's candidates begin.
    """

    rows: list[Row]
    tokens: pa.Table
    expert: pa.Table
    candidates: pa.Table
    seen: list[Row]
    starts: list[int]

    def problem(self, number: int, seed: int, cap: float | None = None) -> Problem:
        """A row as a policy sees it; seed and cap are those of the build."""
        row = self.rows[number]
        excess, tokens = row["expert_excess_surprisal"], row["expert_tokens"]
        expert = Text("expert", 0, row["expert_solution"], tokens, True, row["expert_logprob"], excess)
        texts = [_text(seen) for seen in self.seen[self.starts[number] : self.starts[number + 1]]]
        return Problem(row["id"], seed, texts, expert, row["self_sampled"], row["self_correct"], cap)

    def cut(self, first: int, last: int) -> "Part":
        """Its rows from one place to before another."""
        begin, end = self.starts[first], self.starts[last]
        return Part(
            self.rows[first:last],
            self.tokens.slice(first, last - first),
            self.expert.slice(first, last - first),
            self.candidates.slice(begin, end - begin),
            self.seen[begin:end],
            [start - begin for start in self.starts[first : last + 1]],
        )

    def candidate(self, number: int, text: Text) -> int:
        """Where a row's text stands in `candidates`."""
        own = self.rows[number]["self_sampled"] if text.phase == "guided" else 0
        return self.starts[number] + own + text.index


def side_by_side(release: Release, span: tuple[int, int] | None = None) -> Iterator[Part]:
    """Rows of a release, some hundred at a time.

    Args:
        release: to read.
        span: places of the rows, from the first to before the second; None for all.

    Raises:
        InputError: its configs do not belong together, have other columns than this version of the tool writes, or
            there are no such rows.
    """
    seen = 0
    for part in _all(release):
        first, last = (min(max(place - seen, 0), len(part.rows)) for place in span or (0, seen + len(part.rows)))
        seen += len(part.rows)
        if first < last:
            yield part.cut(first, last)
    if span and seen <= span[0]:
        raise InputError(f"--rows {span[0]}:{span[1]}: {release.name} has {seen:,} rows")


def _all(release: Release) -> Iterator[Part]:
    tokens, expert, candidates = (_Stream(release, config) for config in ("tokens", "expert", "candidates"))
    for table in batches(release, "default"):
        rows = table.to_pylist()
        starts = [0, *accumulate(row["self_sampled"] + row["guided_sampled"] for row in rows)]
        theirs = candidates.take(starts[-1])
        part = Part(
            rows, tokens.take(len(rows)), expert.take(len(rows)), theirs, theirs.select(_SEEN).to_pylist(), starts
        )
        _refuse_strangers(part, release)
        yield part


def array(table: pa.Table, column: str, row: int) -> np.ndarray | None:
    """A list of numbers, `[time]`; None if it is null."""
    found = table[column][row]
    return found.values.to_numpy() if found.is_valid else None


def _text(seen: Row) -> Text:
    acceptable = seen["rejected_reason"] is None
    known = seen["policy_logprob"], seen["excess_surprisal"], seen["reuse_log_ratio"]
    return Text(seen["phase"], seen["index"], seen["text"], seen["tokens"], acceptable, *known)


def _refuse_strangers(part: Part, release: Release) -> None:
    ids = [row["id"] for row in part.rows]
    drawn = [row["id"] for row in part.rows for _ in range(row["self_sampled"] + row["guided_sampled"])]
    expected = {"tokens": ids, "expert": ids if len(part.expert) else [], "candidates": drawn}
    for config, of_config in expected.items():
        if getattr(part, config)["id"].to_pylist() != of_config:
            raise InputError(
                f"release {release.name}: config {config} does not go with default at rows {ids[0]} to {ids[-1]}"
            )


class _Stream:
    """Rows of a config in order, as many at a time as are asked for."""

    def __init__(self, release: Release, config: str) -> None:
        self._batches = batches(release, config)
        self._rest = schema(CONFIGS[config]).empty_table()

    def take(self, number: int) -> pa.Table:
        """The next rows; fewer at the end."""
        parts = [self._rest]
        while sum(map(len, parts)) < number and (batch := next(self._batches, None)) is not None:
            parts.append(batch)
        whole = pa.concat_tables(parts)
        self._rest = whole.slice(number)
        return whole.slice(0, number)
