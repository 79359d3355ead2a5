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
from builder.release.training_rows import training_rows

_EPILOG = f"""\
formats:
  messages  train.jsonl: {{"id", "stage", "messages": [{{"role", "content"}}, ...]}}
            for axolotl (`type: chat_template`), torchtune, OpenAI-style tools
  sharegpt  d_prime.jsonl: {{"id", "stage", "conversations": [{{"from", "value"}}, ...]}}, and a dataset_info.json:
            the directory is a `dataset_dir` of LLaMA-Factory, with the dataset `d_prime`
  verl      train.parquet: `messages` for its SFT trainer, and `prompt`, `data_source`, `reward_model`, `extra_info` for
            its RL trainers
  dpo       train.jsonl for TRL's DPO: {{"prompt", "chosen", "rejected"}}, the kept text against the own answer that is
            `incorrect`, complete, and nearest to it in length; rows without one are left out
  kto       train.jsonl for TRL's KTO: {{"prompt", "completion", "label"}}, the same texts unpaired
  sdft      train.jsonl for TRL's SDFT: {{"prompt", "privileged_context"}}, the latter the expert's solution
  tokenized train.parquet: `input_ids`, `attention_mask`, `labels`, for axolotl with an empty `type:`
  skyrl     train.parquet: `input_ids`, `loss_mask`, for SkyRL's SFT trainer

examples:
  python -m builder.export releases/llama --format messages --output exported

  # a published version, without the rows that the expert wrote
  python -m builder.export you/llama-d-prime@v1.0.0 --format verl --stages self_alignment guided_alignment \\
      --output exported

TRL reads a release as it is and needs no export.

exit codes:
{EXIT_CODES}"""


def export(release: Release, form: str, output: Path, stages: tuple[str, ...] = STAGES) -> tuple[int, int]:
    """Write a directory in one of `FORMATS`, completely or not at all.

    Returns:
        Rows that were written, and rows of the release that have no place in that format.

    Raises:
        InputError: the output exists already, or no row is left.
    """
    if output.exists():
        raise InputError(f"{output} exists already; choose another --output")
    chosen, without = FORMATS[form], 0

    def converted() -> Iterator[Row]:
        nonlocal without
        for row in training_rows(release, chosen.needs):
            if row["stage"] in stages:
                made = chosen.rows(row)
                without += not made
                yield from made

    with new_directory(output) as scratch:
        rows = chosen.write(scratch, converted())
        if not rows:
            raise InputError(f"release {release.name} has no row of {', '.join(stages)} for --format {form}")
    return rows, without


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
    needs = FORMATS[args.format].needs
    release = open_release(args.release, configs=("default", *([needs] if needs else ())))
    rows, without = export(release, args.format, args.output, tuple(args.stages))
    left_out = f"; {without:,} rows without a wrong answer to set against are left out" if without else ""
    print(f"{rows:,} rows of {release.name} as {args.format} in {args.output}{left_out}")
    return 0


if __name__ == "__main__":
    cli.run(main)
