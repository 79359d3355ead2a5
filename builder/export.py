"""Write a release in the formats that other trainers read.

python -m builder.export releases/llama --format sharegpt --output exported
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from builder.errors import EXIT_CODES, InputError
from builder.machine import cli
from builder.machine.atomic import new_directory
from builder.release.formats import FORMATS, Row
from builder.release.open import Release, open_release
from builder.release.records import STAGES

_EPILOG = f"""\
formats:
  messages  train.jsonl: {{"id", "stage", "messages": [{{"role", "content"}}, ...]}}
            for axolotl (`type: chat_template`), torchtune, OpenAI-style tools
  sharegpt  d_prime.jsonl: {{"id", "stage", "conversations": [{{"from", "value"}}, ...]}}, and a dataset_info.json:
            the directory is a `dataset_dir` of LLaMA-Factory, with the dataset `d_prime`
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


def export(release: Release, form: str, output: Path, stages: tuple[str, ...] = STAGES) -> int:
    """Write a directory in one of `FORMATS`, completely or not at all; returns the number of rows.

    Raises:
        InputError: the output exists already, or no row is left.
    """
    if output.exists():
        raise InputError(f"{output} exists already; choose another --output")
    convert, write = FORMATS[form]
    with new_directory(output) as scratch:
        rows = write(scratch, (convert(row) for row in _rows(release, stages)))
        if not rows:
            raise InputError(f"release {release.name} has no row of {', '.join(stages)}")
    return rows


def _rows(release: Release, stages: tuple[str, ...]) -> Iterator[Row]:
    import pyarrow.dataset as arrow_files

    columns = ["id", "source", "stage", "answer", "prompt", "completion", "expert_solution"]
    chosen = arrow_files.field("stage").isin(stages)
    for batch in arrow_files.dataset(release.files("default")).to_batches(columns=columns, filter=chosen):
        yield from batch.to_pylist()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser(
        "python -m builder.export", "Write the training rows of a release in the format of another trainer.", _EPILOG
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
