"""The formats of other trainers: how a row looks there, and how a directory of them is written.

A row of `default` carries its `candidates` or its token ids where a format needs them (`Format.needs`).
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

_BATCH = 1_000  # rows

Row = dict[str, Any]


def messages(row: Row) -> Row:
    """One conversation as role and content; `train` marks the turn to learn from where there are examples before it."""
    turns = row["prompt"] + row["completion"]
    if any(turn["role"] == "assistant" for turn in row["prompt"]):
        turns = [turn | {"train": turn is turns[-1]} for turn in turns]
    return {"id": row["id"], "stage": row["stage"], "messages": turns}


def sharegpt(row: Row) -> Row:
    """One conversation as from and value, with ShareGPT's names of the roles."""
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    turns = [{"from": names[turn["role"]], "value": turn["content"]} for turn in row["prompt"] + row["completion"]]
    return {"id": row["id"], "stage": row["stage"], "conversations": turns}


def verl(row: Row) -> Row:
    """One row for both kinds of verl's trainers; where the source has no gold answer, `ground_truth` is null."""
    return {
        "data_source": row["source"],
        "prompt": row["prompt"],
        "messages": row["prompt"] + row["completion"],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": row["answer"]},
        "extra_info": {"id": row["id"], "stage": row["stage"], "expert_solution": row["expert_solution"]},
    }


def dpo(row: Row) -> Row | None:
    """A preference pair for TRL: the kept text, and the own wrong answer that is nearest to it in length.

    Wrong is what the verifier calls `incorrect` and was not cut off: a time-out, a crash or a missing answer is no
    verdict on a text. None for a row without such an answer.
    """
    if (rejected := _wrong(row)) is None:
        return None
    return {"id": row["id"], "prompt": row["prompt"], "chosen": row["completion"], "rejected": rejected}


def kto(row: Row) -> list[Row]:
    """The same texts for TRL, unpaired: the kept one is good, and the wrong one, where there is one, bad."""
    texts = {True: row["completion"], False: _wrong(row)}
    said = {"id": row["id"], "prompt": row["prompt"]}
    return [said | {"completion": text, "label": label} for label, text in texts.items() if text]


def sdft(row: Row) -> Row:
    """A prompt for online self-distillation in TRL; the teacher sees the expert's solution."""
    return {"id": row["id"], "prompt": row["prompt"], "privileged_context": row["expert_solution"]}


def tokenized(row: Row) -> Row:
    """Token ids with labels, where -100 is not learned from: axolotl's, and that of Transformers' own trainer."""
    prompt, completion = row["prompt_ids"], row["completion_ids"]
    ids = prompt + completion
    return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": [-100] * len(prompt) + completion}


def skyrl(row: Row) -> Row:
    """Token ids with a mask of what is learned from, over the whole sequence."""
    prompt, completion = row["prompt_ids"], row["completion_ids"]
    return {"input_ids": prompt + completion, "loss_mask": [0] * len(prompt) + [1] * len(completion)}


def _wrong(row: Row) -> list[Row] | None:
    """The turn of the wrong, complete own answer whose length is nearest to the kept text's; None if there is none."""
    wrong = [
        c for c in row["candidates"] if (c["phase"], c["verdict"], c["finish_reason"]) == ("self", "incorrect", "stop")
    ]
    nearest = min(wrong, key=lambda c: abs(c["tokens"] - row["completion_tokens"]), default=None)
    return nearest and [{"role": "assistant", "content": nearest["text"]}]


def _jsonl(name: str) -> Callable[[Path, Iterator[Row]], int]:
    def write(folder: Path, rows: Iterator[Row]) -> int:
        count = 0
        with (folder / name).open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
        return count

    return write


def _llama_factory(folder: Path, rows: Iterator[Row]) -> int:
    info = {"file_name": "d_prime.jsonl", "formatting": "sharegpt", "columns": {"messages": "conversations"}}
    (folder / "dataset_info.json").write_text(json.dumps({"d_prime": info}, indent=2) + "\n", encoding="utf-8")
    return _jsonl("d_prime.jsonl")(folder, rows)


def _parquet(schema: Callable[[], Any]) -> Callable[[Path, Iterator[Row]], int]:
    def write(folder: Path, rows: Iterator[Row]) -> int:
        from builder.release.parquet import TableWriter

        with TableWriter(folder / "train.parquet", schema()) as writer:
            while batch := list(islice(rows, _BATCH)):
                writer.add(batch)
        return writer.rows

    return write


def _verl_schema() -> Any:
    import pyarrow as pa

    text = pa.string()
    turns = pa.list_(pa.struct([("role", text), ("content", text)]))
    return pa.schema(
        [
            ("data_source", text),
            ("prompt", turns),
            ("messages", turns),
            ("ability", text),
            ("reward_model", pa.struct([("style", text), ("ground_truth", text)])),
            ("extra_info", pa.struct([("id", text), ("stage", text), ("expert_solution", text)])),
        ]
    )


def _integers(*names: str) -> Callable[[], Any]:
    def schema() -> Any:
        import pyarrow as pa

        return pa.schema([(name, pa.list_(pa.int32())) for name in names])

    return schema


@dataclass(frozen=True)
class Format:
    """How a trainer wants its rows.

    Attributes:
        convert: a row as it is there; several, or None if it has no place there.
        write: fills a directory, and returns how many rows it has written.
        needs: the config that a row needs besides `default`: `candidates` or `tokens`.
    """

    convert: Callable[[Row], Row | list[Row] | None]
    write: Callable[[Path, Iterator[Row]], int]
    needs: str | None = None

    def rows(self, row: Row) -> list[Row]:
        """All that becomes of a row."""
        made = self.convert(row)
        return made if isinstance(made, list) else [] if made is None else [made]


FORMATS: dict[str, Format] = {
    "messages": Format(messages, _jsonl("train.jsonl")),
    "sharegpt": Format(sharegpt, _llama_factory),
    "verl": Format(verl, _parquet(_verl_schema)),
    "dpo": Format(dpo, _jsonl("train.jsonl"), "candidates"),
    "kto": Format(kto, _jsonl("train.jsonl"), "candidates"),
    "sdft": Format(sdft, _jsonl("train.jsonl")),
    "tokenized": Format(tokenized, _parquet(_integers("input_ids", "attention_mask", "labels")), "tokens"),
    "skyrl": Format(skyrl, _parquet(_integers("input_ids", "loss_mask")), "tokens"),
}
