"""What an evaluation leaves behind: `results.json` and `samples.parquet` in one directory, completely or not at all.

`results.json` holds what tables are made of: `model`, `settings`, `benchmarks` (figures by name, with `provenance` and
`fingerprint` of what was asked) and their `average`. `samples.parquet` holds every sample, as `SAMPLES` says. Where a
drift was measured, `results.json` has it under `drift`, and `drift.parquet` holds what it is made of, as `DRIFT` says.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from builder.errors import InputError
from builder.machine.atomic import Replacement
from builder.release.parquet import TableWriter
from builder.release.records import Column, schema

if TYPE_CHECKING:
    import polars as pl

RESULTS, SAMPLES_FILE, DRIFT_FILE = "results.json", "samples.parquet", "drift.parquet"
FORMAT = 2

SAMPLES = (
    Column("benchmark", pa.string(), "name of the benchmark"),
    Column("id", pa.string(), "id of the problem within its benchmark"),
    Column("index", pa.int32(), "number of the sample within its problem"),
    Column("problem", pa.string(), "the problem, without instructions"),
    Column("gold", pa.string(), "the reference answer, as the benchmark states it"),
    Column("text", pa.string(), "the response, without the token that ended it"),
    Column("answer", pa.string(), "what it states as its answer, in a box or in words; null if it states none"),
    Column("verdict", pa.string(), "`correct`, `incorrect`, `no_answer`, `timeout` or `error`"),
    Column("answer_form", pa.string(), "how it is stated: `boxed`, `hash`, `stated` or `trailing`; null without one"),
    Column("answer_class", pa.int32(), "equal for equal answers: 0 the right one, from 1 wrong ones, -1 no answer"),
    Column("finish_reason", pa.string(), "`stop`, `length` if it was cut off, `no_room` if the prompt left none"),
    Column("tokens", pa.int32(), "tokens of the response, the one that ended it included"),
    Column("logprob", pa.float64(), "log-prob under the distribution that drew it, sum over tokens, nats"),
)  # fmt: skip

DRIFT = (
    Column("prompts", pa.string(), "name of the file that the prompt is from"),
    Column("id", pa.string(), "id of the prompt within its file"),
    Column("index", pa.int32(), "number of the sample within its prompt"),
    Column("drawn_by", pa.string(), "`checkpoint` or `base`: who wrote it, at temperature 1"),
    Column("text", pa.string(), "the response, without the token that ended it"),
    Column("finish_reason", pa.string(), "`stop`, `length` if it was cut off"),
    Column("tokens", pa.int32(), "tokens of the response, the one that ended it included"),
    Column("checkpoint_logprob", pa.float64(), "log-prob under the checkpoint, sum over tokens, nats"),
    Column("base_logprob", pa.float64(), "the same under the base"),
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A finished evaluation.

    Attributes:
        path: its directory.
        results: the content of its `results.json`.
    """

    path: Path
    results: dict[str, Any]

    def samples(self) -> "pl.DataFrame":
        """Every sample, with the columns of `SAMPLES`."""
        import polars as pl

        return pl.read_parquet(self.path / SAMPLES_FILE)

    def drift(self) -> "pl.DataFrame":
        """Every response that the drift is made of, with the columns of `DRIFT`."""
        import polars as pl

        return pl.read_parquet(self.path / DRIFT_FILE)


def read_run(path: Path) -> Run | None:
    """The evaluation in a directory; None if there is no directory, or an empty one.

    Raises:
        InputError: it holds something else.
    """
    file = path / RESULTS
    if file.is_file():
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            known = content["evaluation_format"] == FORMAT
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{file} is not the result of an evaluation") from None
        if not known:
            raise InputError(f"{file} has format {content['evaluation_format']}; this version reads format {FORMAT}")
        return Run(path, content)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path} exists and is not an evaluation; choose another --output")
    return None


def open_run(path: Path) -> Run:
    """The evaluation in a directory.

    Raises:
        InputError: there is none.
    """
    run = read_run(path)
    if run is None:
        raise InputError(f"{path} holds no finished evaluation")
    return run


def write_run(
    replacement: Replacement,
    results: dict[str, Any],
    samples: Iterable[dict[str, Any]],
    drift: Iterable[dict[str, Any]] | None = None,
) -> None:
    """Write a finished evaluation; an earlier one in its place is replaced.

    Args:
        replacement: where it appears.
        results: content of `results.json`, but for its format.
        samples: rows with the columns of `SAMPLES`.
        drift: rows with the columns of `DRIFT`; None if it was not measured.
    """
    content = {"evaluation_format": FORMAT, **results}
    with replacement.filled() as scratch:
        with TableWriter(scratch / SAMPLES_FILE, schema(SAMPLES)) as writer:
            writer.add(samples)
        if drift is not None:
            with TableWriter(scratch / DRIFT_FILE, schema(DRIFT)) as writer:
                writer.add(drift)
        (scratch / RESULTS).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
