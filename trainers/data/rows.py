"""Training rows as token ids, wherever they come from: `release_rows` and `text_rows` read them."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from builder.errors import InputError
from trainers.data.mixture import Mixture


@dataclass(frozen=True)
class Row:
    """One prompt and what is learned after it.

    Attributes:
        id: the source row's id.
        prompt_ids: `[prompt]` int32, chat template applied, up to the first token that is learned.
        completion_ids: `[completion]` int32, end-of-turn token included; of a conversation with several turns to learn,
            all from the first of them to the last.
        behavior: `[completion]` log-probs under the distribution that drew them, nats, fp32; NaN where unknown.
        reference: `[completion]` log-probs under the policy before training, nats, fp32; NaN where unknown.
        mask: `[completion]` bool, the tokens that are learned; None for all of them.
        weight: how many times the row counts in its step; 0 leaves it out.
        origin: number of the dataset that it comes from, where there are several.
    """

    id: str
    prompt_ids: np.ndarray
    completion_ids: np.ndarray
    behavior: np.ndarray
    reference: np.ndarray
    mask: np.ndarray | None = None
    weight: float = 1.0
    origin: int = 0

    @property
    def learned(self) -> np.ndarray:
        """`[completion]` bool, the tokens that are learned."""
        return np.ones(len(self.completion_ids), bool) if self.mask is None else self.mask

    def truncated(self, max_length: int) -> "Row":
        """The row with its completion cut to what fits into `max_length` tokens beside the prompt."""
        room = max(0, max_length - len(self.prompt_ids))
        learned = self.learned[:room]
        end = int(learned.nonzero()[0].max(initial=-1)) + 1  # what is only read after that changes nothing
        return replace(
            self,
            completion_ids=self.completion_ids[:end],
            behavior=self.behavior[:end],
            reference=self.reference[:end],
            mask=learned[:end],
        )


class Rows(Sequence[Row]):
    """Rows in flat arrays: 17 bytes a completion token, however many rows there are.

    Attributes:
        ids: `[rows]`.
        weights: `[rows]` fp32.
        origins: `[rows]`.
        shares: of the rows of an epoch, by origin; None if an epoch is every row once.
    """

    def __init__(self, rows: Sequence[Row], shares: Sequence[float] | None = None) -> None:
        self.ids = [row.id for row in rows]
        self._prompts = _Ragged.of([row.prompt_ids for row in rows], np.int32)
        self._completions = _Ragged.of([row.completion_ids for row in rows], np.int32)
        self._behavior = _Ragged.of([row.behavior for row in rows], np.float32)
        self._reference = _Ragged.of([row.reference for row in rows], np.float32)
        self._learned = _Ragged.of([row.learned for row in rows], bool)
        self.weights = np.array([row.weight for row in rows], np.float32)
        self.origins = np.array([row.origin for row in rows], np.int16)
        self.shares = shares

    @classmethod
    def of_table(cls, table: pa.Table) -> "Rows":
        """Rows whose columns are the attributes of `Row`."""
        rows = cls([])
        rows.ids = table["id"].to_pylist()
        rows._prompts, rows._completions, rows._behavior, rows._reference, rows._learned = (
            _Ragged.of_lists(table[name]) for name in ("prompt_ids", "completion_ids", "behavior", "reference", "mask")
        )
        rows.weights = table["weight"].to_numpy()
        rows.origins = np.zeros(len(rows), np.int16)
        return rows

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Row:
        columns = (column[index] for column in self._columns)
        return Row(self.ids[index], *columns, float(self.weights[index]), int(self.origins[index]))

    @property
    def _columns(self) -> "tuple[_Ragged, ...]":
        return self._prompts, self._completions, self._behavior, self._reference, self._learned

    def take(self, indices: Sequence[int]) -> "Rows":
        """Some of the rows."""
        return Rows([self[index] for index in indices], self.shares)

    @property
    def mixture(self) -> Mixture | None:
        """Which rows an epoch takes, unless it is every row once."""
        return Mixture(self.origins, self.shares) if self.shares else None

    @property
    def prompt_lengths(self) -> np.ndarray:
        """`[rows]` tokens."""
        return self._prompts.lengths

    @property
    def completion_lengths(self) -> np.ndarray:
        """`[rows]` tokens that are learned."""
        before = np.concatenate([[0], self._learned.values.cumsum()])
        return before[self._learned.ends] - before[self._learned.ends - self._learned.lengths]

    @property
    def lengths(self) -> np.ndarray:
        """`[rows]` tokens of prompt and completion."""
        return self._prompts.lengths + self._completions.lengths

    @property
    def largest_token_id(self) -> int:
        """Over all prompts and completions; −1 without any."""
        return max((int(r.values.max()) for r in (self._prompts, self._completions) if len(r.values)), default=-1)

    @property
    def sha256(self) -> str:
        """Of all ids, tokens, log-probs, masks and weights, in order."""
        digest = hashlib.sha256("\0".join(self.ids).encode())
        for column in self._columns:
            digest.update(column.lengths)
            digest.update(column.values)
        digest.update(self.weights)
        return digest.hexdigest()

    @property
    def without_reference(self) -> int:
        """Rows whose log-probs under the policy before training are unknown."""
        return sum(bool(np.isnan(self._reference[index]).any()) for index in range(len(self)))

    @property
    def without_behavior(self) -> int:
        """Rows whose behavior log-probs are unknown."""
        return sum(bool(np.isnan(self._behavior[index]).any()) for index in range(len(self)))


class _Ragged:
    def __init__(self, values: np.ndarray, lengths: np.ndarray) -> None:
        self.values, self.lengths, self.ends = values, lengths, lengths.cumsum()

    @classmethod
    def of(cls, parts: Sequence[np.ndarray], dtype: type) -> "_Ragged":
        lengths = np.array([len(part) for part in parts], dtype=np.int64)
        return cls(np.concatenate([np.empty(0, dtype), *parts]).astype(dtype, copy=False), lengths)

    @classmethod
    def of_lists(cls, column: pa.ChunkedArray) -> "_Ragged":
        values = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
        lengths = [np.diff(chunk.offsets.to_numpy()).astype(np.int64) for chunk in column.chunks]
        return cls(np.concatenate(values), np.concatenate(lengths))

    def __getitem__(self, index: int) -> np.ndarray:
        return self.values[self.ends[index] - self.lengths[index] : self.ends[index]]


def weight_of(fields: dict[str, Any], where: str) -> float:
    """The row's `weight`; 1 where there is none.

    Raises:
        InputError: it is not a number from 0.
    """
    weight = fields.get("weight")
    if weight is None:
        return 1.0
    if not isinstance(weight, int | float) or not 0 <= weight < math.inf:
        raise InputError(f"{where}: weight must be a number from 0, not {weight!r}")
    return float(weight)


def row_of(fields: dict[str, Any], where: str) -> Row:
    """A row from its columns as a release has them; log-probs may be None.

    Raises:
        InputError: its prompt or completion is empty, its log-probs are not as many as its tokens, or its weight is no
            number from 0.
    """
    for name in ("prompt_ids", "completion_ids"):
        if not fields[name]:
            raise InputError(f"{where}: {name} is empty")
    size = len(fields["completion_ids"])
    logprobs = {}
    for name in ("behavior_logprobs", "policy_logprobs"):
        values = fields[name] if fields[name] is not None else [np.nan] * size
        if len(values) != size:
            raise InputError(f"{where}: {size} completion_ids but {len(values)} {name}")
        logprobs[name] = np.array(values, np.float32)
    return Row(
        fields["id"],
        np.array(fields["prompt_ids"], np.int32),
        np.array(fields["completion_ids"], np.int32),
        logprobs["behavior_logprobs"],
        logprobs["policy_logprobs"],
        weight=weight_of(fields, where),
    )
