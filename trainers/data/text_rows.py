"""Rows of anybody's text: prompts and completions, or conversations with turns to learn from."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from datasets import Dataset, load_dataset

from builder.errors import InputError
from builder.hub import one_line
from builder.policy.chat import Chat
from trainers.data.conversation import Conversation, encode
from trainers.data.row_cache import cached
from trainers.data.rows import Row, Rows, weight_of

_BATCH = 1_000  # rows that are tokenized at a time
_FORMATS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".csv": "csv"}


def text_rows(name: str, split: str, chat: Chat) -> Rows:
    """The rows of any dataset with `prompt` and `completion`, or with `messages`.

    A prompt or completion is a text or a list of chat turns. Of `messages`, every assistant turn is learned, or those
    that say so: `"train": true`, as `builder.export --format messages` writes it. `weight` is `Row.weight`.

    Args:
        name: a JSONL, JSON, Parquet or CSV file, or a dataset repository on the Hub, at a version as `name@v1.0.0`.
        split: of a repository.
        chat: the template to tokenize with.

    Raises:
        InputError: the dataset cannot be read, or a row is malformed.
    """
    dataset = _dataset(name, split)
    return cached(lambda: _made(dataset, name, chat), f"{name} has no rows", chat, "text", dataset._fingerprint)


def _made(dataset: Dataset, name: str, chat: Chat) -> Iterator[Row]:
    numbered = enumerate(dataset)
    while batch := list(islice(numbered, _BATCH)):
        yield from _rows(batch, name, chat)


def _rows(batch: Sequence[tuple[int, dict[str, Any]]], name: str, chat: Chat) -> Iterator[Row]:
    conversations = [_conversation(fields, f"{name}, row {number}") for number, fields in batch]
    for (number, fields), conversation, tokens in zip(batch, conversations, encode(conversations, chat), strict=True):
        if not tokens.prompt_ids:
            raise InputError(f"{conversation.where}: nothing stands before the turn to learn from")
        row_id = str(fields["id"] if fields.get("id") is not None else number)
        prompt, completion = (np.array(part, np.int32) for part in (tokens.prompt_ids, tokens.completion_ids))
        unknown = np.full(len(completion), np.nan, np.float32)
        weight = weight_of(fields, conversation.where)
        yield Row(row_id, prompt, completion, unknown, unknown, tokens.learned, weight)


def _dataset(name: str, split: str) -> Dataset:
    for suffix, builder in _FORMATS.items():
        if name.endswith(suffix):
            with one_line(f"dataset {name}"):
                return load_dataset(builder, data_files=name, split="train")
    repo, _, revision = name.partition("@")
    with one_line(f"dataset {name}"):
        return load_dataset(repo, split=split, revision=revision or None)


def _conversation(fields: dict[str, Any], where: str) -> Conversation:
    if fields.get("messages") is not None:
        return _marked(fields["messages"], where)
    if "prompt" not in fields and "completion" not in fields:
        raise InputError(f"{where} has neither `messages` nor `prompt` and `completion`, but {', '.join(fields)}")
    prompt = _turns(fields.get("prompt"), "user", f"{where}: prompt")
    answer = _turns(fields.get("completion"), "assistant", f"{where}: completion")
    if len(answer) != 1 or answer[0]["role"] != "assistant":
        raise InputError(f"{where}: completion must be one assistant turn")
    return Conversation(where, [*prompt, *answer], [len(prompt)])


def _marked(value: Any, where: str) -> Conversation:
    if isinstance(value, str):
        raise InputError(f"{where}: messages must be a list of chat turns")
    turns = _turns(value, "user", f"{where}: messages")
    marks = [turn.get("train") for turn in value]
    if any(mark not in (None, True, False) for mark in marks):
        raise InputError(f"{where}: messages: `train` must be true or false")
    spoken = [turn["role"] == "assistant" for turn in turns]
    if any(mark and not by_assistant for mark, by_assistant in zip(marks, spoken, strict=True)):
        raise InputError(f"{where}: messages: only an assistant turn can be marked with `train`")
    wanted = spoken if marks.count(None) == len(marks) else marks
    learned = [turn for turn, chosen in enumerate(wanted) if chosen]
    if not learned:
        raise InputError(f"{where}: messages: no assistant turn to learn from")
    return Conversation(where, turns, learned)


def _turns(value: Any, role: str, where: str) -> list[dict[str, str]]:
    turns = [{"role": role, "content": value}] if isinstance(value, str) else value
    if not isinstance(turns, list) or not turns or any(not isinstance(t, dict) for t in turns):
        raise InputError(f"{where} must be a text or a list of chat turns")
    if any(not isinstance(t.get("role"), str) or not isinstance(t.get("content"), str) for t in turns):
        raise InputError(f"{where}: every turn needs `role` and `content`, both texts")
    return [{"role": turn["role"], "content": turn["content"]} for turn in turns]
