"""Write a release in the formats that other trainers read.

python -m builder.export releases/llama --format sharegpt --output exported
"""

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from builder import cli
from builder.errors import EXIT_CODES, InputError
from builder.records import STAGES
from builder.releases import Release, open_release

_BATCH = 1_000  # rows

_EPILOG = f"""\
formats:
  messages  train.jsonl: {{"id", "stage", "messages": [{{"role", "content"}}, ...]}}
            for axolotl (`type: chat_template`), torchtune, OpenAI-style tools
  sharegpt  d_prime.jsonl: {{"id", "stage", "conversations": [{{"from", "value"}}, ...]}}, and the dataset_info.json that
            makes the directory a `dataset_dir` of LLaMA-Factory, with the dataset `d_prime`
  verl      train.parquet: `messages` for its SFT trainer, and `prompt`, `data_source`, `reward_model`, `extra_info` for
            its RL trainers

examples:
  python -m builder.export releases/llama --format messages --output exported

  # a published version, without the rows that the expert wrote
  python -m builder.export you/llama-d-prime@v1.0.0 --format verl --stages self_alignment guided_alignment \\
      --output exported

TRL reads a release as it is and needs no export.

exit codes:
{EXIT_CODES}"""

Row = dict[str, Any]


def messages(row: Row) -> Row:
    """One conversation as role and content."""
    return {"id": row["id"], "stage": row["stage"], "messages": row["prompt"] + row["completion"]}


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


def export(release: Release, form: str, output: Path, stages: tuple[str, ...] = STAGES) -> int:
    """Write a directory in one of `FORMATS`, completely or not at all; returns the number of rows.

    Raises:
        InputError: the output exists already, or no row is left.
    """
    if output.exists():
        raise InputError(f"{output} exists already; choose another --output")
    output.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    try:
        convert, write = FORMATS[form]
        rows = write(scratch, (convert(row) for row in _rows(release, stages)))
        if not rows:
            raise InputError(f"release {release.name} has no row of {', '.join(stages)}")
        scratch.chmod(0o755)
        os.rename(scratch, output)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return rows


def _rows(release: Release, stages: tuple[str, ...]) -> Iterator[Row]:
    import pyarrow.dataset as arrow_files

    columns = ["id", "source", "stage", "answer", "prompt", "completion", "expert_solution"]
    chosen = arrow_files.field("stage").isin(stages)
    for batch in arrow_files.dataset(release.files("default")).to_batches(columns=columns, filter=chosen):
        yield from batch.to_pylist()


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
    import pyarrow.parquet as pq

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
    count, batch = 0, []
    with pq.ParquetWriter(folder / "train.parquet", schema) as writer:
        for row in rows:
            batch.append(row)
            count += 1
            if len(batch) == _BATCH:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                batch = []
        if batch:
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
    return count


FORMATS: dict[str, tuple[Callable[[Row], Row], Callable[[Path, Iterator[Row]], int]]] = {
    "messages": (messages, _jsonl("train.jsonl")),
    "sharegpt": (sharegpt, _llama_factory),
    "verl": (verl, _parquet),
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m builder.export",
        description="Write the training rows of a release in the format of another trainer.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("release", metavar="RELEASE", help="directory or USER/NAME@VERSION")
    p.add_argument("--format", required=True, choices=tuple(FORMATS), help="see below")
    p.add_argument("--output", required=True, type=Path, metavar="DIR", help="directory to make")
    p.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES), help="rows to take (default: all)")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Export; returns the exit code.

    Raises:
        InputError: there is no such release, or the output cannot be made.
    """
    args = parser().parse_args(arguments)
    release = open_release(args.release, configs=("default",))
    rows = export(release, args.format, args.output, tuple(args.stages))
    print(f"{rows:,} rows of {release.name} as {args.format} in {args.output}")
    return 0


if __name__ == "__main__":
    cli.run(main)
