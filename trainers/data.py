"""Training rows as token ids: from the `tokens` config of a release, or from the expert's or anybody's text."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from builder.errors import InputError
from builder.policy.chat import Chat
from builder.release.open import Release
from trainers.arguments import Data

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Row:
    """One prompt and its completion.

    Attributes:
        id: the source row's id.
        prompt_ids: `[prompt]` int32, chat template applied.
        completion_ids: `[completion]` int32, end-of-turn token included.
        behavior: `[completion]` log-probs under the distribution that drew them, nats, fp32; NaN where unknown.
        reference: `[completion]` log-probs under the policy before training, nats, fp32; NaN where unknown.
    """

    id: str
    prompt_ids: np.ndarray
    completion_ids: np.ndarray
    behavior: np.ndarray
    reference: np.ndarray

    def truncated(self, max_length: int) -> "Row":
        """The row with its completion cut to what fits into `max_length` tokens beside the prompt."""
        room = max(0, max_length - len(self.prompt_ids))
        return Row(self.id, self.prompt_ids, self.completion_ids[:room], self.behavior[:room], self.reference[:room])


class Rows(Sequence[Row]):
    """Rows in flat arrays: 16 bytes a completion token, however many rows there are.

    Attributes:
        ids: `[rows]`.
        prompt_lengths: `[rows]` tokens.
        completion_lengths: `[rows]` tokens.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.ids = [row.id for row in rows]
        self._prompts = _Ragged([row.prompt_ids for row in rows], np.int32)
        self._completions = _Ragged([row.completion_ids for row in rows], np.int32)
        self._behavior = _Ragged([row.behavior for row in rows], np.float32)
        self._reference = _Ragged([row.reference for row in rows], np.float32)
        self.prompt_lengths, self.completion_lengths = self._prompts.lengths, self._completions.lengths

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Row:
        columns = (self._prompts, self._completions, self._behavior, self._reference)
        return Row(self.ids[index], *(column[index] for column in columns))

    @property
    def lengths(self) -> np.ndarray:
        """`[rows]` tokens of prompt and completion."""
        return self.prompt_lengths + self.completion_lengths

    @property
    def largest_token_id(self) -> int:
        """Over all prompts and completions; −1 without any."""
        return max((int(r.values.max()) for r in (self._prompts, self._completions) if len(r.values)), default=-1)

    @property
    def sha256(self) -> str:
        """Of all ids, tokens and log-probs, in order."""
        digest = hashlib.sha256("\0".join(self.ids).encode())
        for column in (self._prompts, self._completions, self._behavior, self._reference):
            digest.update(column.lengths)
            digest.update(column.values)
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
    def __init__(self, parts: Sequence[np.ndarray], dtype: type) -> None:
        self.lengths = np.array([len(part) for part in parts], dtype=np.int64)
        self._ends = self.lengths.cumsum()
        self.values = np.concatenate([np.empty(0, dtype), *parts]).astype(dtype, copy=False)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.values[self._ends[index] - self.lengths[index] : self._ends[index]]


def release_rows(release: Release, data: Data, chat: Chat) -> Rows:
    """The rows of a release.

    Args:
        release: with the configs `default` and `tokens`.
        data: `full` is D′; `self_alignment` only what the policy solved by itself; `self_and_expert` that, and the
            source's own solution for all other rows (the paper's ablation, Table 4); `expert` the source's own
            solution for every row, what D′ was made from: the paper's baseline on the same problems.
        chat: the target's template, to tokenize expert solutions with.

    Raises:
        InputError: a row is malformed, or there are none.
    """
    import polars as pl

    tokens = release.scan("tokens").join(
        release.scan("default").select("id", "stage", "expert_solution"), on="id", how="left", maintain_order="left"
    )
    if data == "self_alignment":
        tokens = tokens.filter(pl.col("stage") == "self_alignment")
    rows = Rows([_release_row(fields, data, chat, release.name) for fields in _stream(tokens)])
    if not len(rows):
        raise InputError(f"{release.name} has no rows of --data {data}")
    return rows


def _stream(frame: "pl.LazyFrame") -> Iterator[dict[str, Any]]:
    for batch in frame.collect().iter_slices(1000):
        yield from batch.iter_rows(named=True)


def _release_row(fields: dict[str, Any], data: Data, chat: Chat, where: str) -> Row:
    if fields["stage"] is None:
        raise InputError(f"{where}, row {fields['id']}: it is in config `tokens` but not in `default`")
    by_expert = data == "expert" or (data == "self_and_expert" and fields["stage"] != "self_alignment")
    if by_expert and fields["stage"] != "fallback":  # a fallback row is the expert's text, scored already
        fields |= {"completion_ids": chat.completion(fields["expert_solution"])}
        fields |= {"policy_logprobs": None, "behavior_logprobs": None}
    return _row(fields, f"{where}, row {fields['id']}")


def _row(fields: dict[str, Any], where: str) -> Row:
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
    )


def text_rows(name: str, split: str, chat: Chat) -> Rows:
    """The rows of any dataset with `prompt` and `completion`, each a text or a list of chat turns.

    Args:
        name: a JSONL, JSON, Parquet or CSV file, or a dataset repository on the Hub, at a version as `name@v1.0.0`.
        split: of a repository.
        chat: the template to tokenize with.

    Raises:
        InputError: the dataset cannot be read, or a row is malformed.
    """
    rows = []
    for number, fields in enumerate(_text_dataset(name, split)):
        where = f"{name}, row {number}"
        messages = _turns(fields.get("prompt"), "user", f"{where}: prompt")
        answer = _turns(fields.get("completion"), "assistant", f"{where}: completion")
        if len(answer) != 1 or answer[0]["role"] != "assistant":
            raise InputError(f"{where}: completion must be one assistant turn")
        tokens = {"prompt_ids": chat.encode(messages), "completion_ids": chat.completion(answer[0]["content"])}
        unknown = {"id": str(fields.get("id", number)), "policy_logprobs": None, "behavior_logprobs": None}
        rows.append(_row(tokens | unknown, where))
    if not rows:
        raise InputError(f"{name} has no rows")
    return Rows(rows)


def _text_dataset(name: str, split: str) -> Sequence[dict[str, Any]]:
    from datasets import load_dataset

    from builder.hub import one_line

    formats = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".csv": "csv"}
    for suffix, builder in formats.items():
        if name.endswith(suffix):
            with one_line(f"dataset {name}"):
                return load_dataset(builder, data_files=name, split="train")
    repo, _, revision = name.partition("@")
    with one_line(f"dataset {name}"):
        return load_dataset(repo, split=split, revision=revision or None)


def _turns(value: Any, role: str, where: str) -> list[dict[str, str]]:
    turns = [{"role": role, "content": value}] if isinstance(value, str) else value
    if not isinstance(turns, list) or not turns or any(not isinstance(t, dict) for t in turns):
        raise InputError(f"{where} must be a text or a list of chat turns")
    if any(not isinstance(t.get("role"), str) or not isinstance(t.get("content"), str) for t in turns):
        raise InputError(f"{where}: every turn needs `role` and `content`, both texts")
    return turns
