"""Rows of a release: its tokens and log-probs as they are stored, or the expert's text."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from builder.errors import InputError
from builder.policy.chat import Chat
from builder.release.manifest import facts
from builder.release.open import Release
from trainers.arguments import Data
from trainers.data.row_cache import cached
from trainers.data.rows import Row, Rows, row_of


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
    files = [facts(file)["sha256"] for config in ("default", "tokens") for file in release.files(config)]
    none = f"{release.name} has no rows of --data {data}"
    return cached(lambda: _made(release, data, chat), none, chat, "release", data, *files)


def _made(release: Release, data: Data, chat: Chat) -> Iterator[Row]:
    described = release.scan("default")
    weight = {"weight"} & set(described.collect_schema())  # a column of the user's own
    described = described.select("id", "stage", "expert_solution", *weight)
    tokens = release.scan("tokens").join(described, on="id", how="left", maintain_order="left")
    if data == "self_alignment":
        tokens = tokens.filter(pl.col("stage") == "self_alignment")
    for fields in _stream(tokens):
        yield _release_row(fields, data, chat, release.name)


def _stream(frame: pl.LazyFrame) -> Iterator[dict[str, Any]]:
    for batch in frame.collect().iter_slices(1000):
        yield from batch.iter_rows(named=True)


def _release_row(fields: dict[str, Any], data: Data, chat: Chat, where: str) -> Row:
    if fields["stage"] is None:
        raise InputError(f"{where}, row {fields['id']}: it is in config `tokens` but not in `default`")
    by_expert = data == "expert" or (data == "self_and_expert" and fields["stage"] != "self_alignment")
    if by_expert and fields["stage"] != "fallback":  # a fallback row is the expert's text, scored already
        fields |= {"completion_ids": chat.completion(fields["expert_solution"])}
        fields |= {"policy_logprobs": None, "behavior_logprobs": None}
    return row_of(fields, f"{where}, row {fields['id']}")
