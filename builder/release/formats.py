"""The formats of other trainers: how a row looks there, and how a directory of them is written."""

import json
from collections.abc import Callable, Iterator
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


def _parquet(folder: Path, rows: Iterator[Row]) -> int:
    import pyarrow as pa

    from builder.release.parquet import TableWriter

    text = pa.string()
    turns = pa.list_(pa.struct([("role", text), ("content", text)]))
    schema = pa.schema(
        [
            ("data_source", text),
            ("prompt", turns),
            ("messages", turns),
            ("ability", text),
            ("reward_model", pa.struct([("style", text), ("ground_truth", text)])),
            ("extra_info", pa.struct([("id", text), ("stage", text), ("expert_solution", text)])),
        ]
    )
    with TableWriter(folder / "train.parquet", schema) as writer:
        while batch := list(islice(rows, _BATCH)):
            writer.add(batch)
    return writer.rows


FORMATS: dict[str, tuple[Callable[[Row], Row], Callable[[Path, Iterator[Row]], int]]] = {
    "messages": (messages, _jsonl("train.jsonl")),
    "sharegpt": (sharegpt, _llama_factory),
    "verl": (verl, _parquet),
}
