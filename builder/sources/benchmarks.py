"""The benchmarks of the paper: where they are, and their problems, which a source must not contain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.config import SourceSpec
from builder.errors import InputError
from builder.sources.arrow import HubTable
from builder.sources.contamination import BenchmarkIndex, Item
from builder.sources.fields import PROBLEM_NAMES
from builder.sources.files import FORMATS, open_local
from builder.sources.hub import open_hub
from builder.sources.table import Table

AT_HAND, OFF = "auto", "off"


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of the paper (section 4.1).

    Attributes:
        repo: dataset repository on the Hub.
        split: of the repository.
        problems: how many the paper asks.
        config: of the repository.
    """

    repo: str
    split: str
    problems: int
    config: str | None = None


BENCHMARKS = {
    "math500": Benchmark("HuggingFaceH4/MATH-500", "test", 500),
    "minerva_math": Benchmark("math-ai/minervamath", "test", 272),
    "olympiadbench": Benchmark("Hothan/OlympiadBench", "train", 675, "OE_TO_maths_en_COMP"),
    "aime24": Benchmark("HuggingFaceH4/aime_2024", "train", 30),
    "amc23": Benchmark("math-ai/amc23", "test", 40),
}


def resolved(asked: Sequence[str]) -> list[str]:
    """What is asked for, each pinned as `NAME@REVISION`: what a build is decontaminated against is part of what it is.

    Args:
        asked: names of `BENCHMARKS` and files; or `auto`, those of the paper whose texts are on this machine already;
            or `off`.

    Raises:
        InputError: one is unknown, or cannot be read.
    """
    if list(asked) == [OFF]:
        return []
    if list(asked) == [AT_HAND]:
        return [f"{name}@{snapshot.name}" for name, snapshot in _cached().items()]
    return [f"{name}@{_revision(name)}" for name in asked]


def benchmark_index(pinned: Sequence[str]) -> BenchmarkIndex:
    """All problems of some benchmarks, each named as `resolved` names it.

    Raises:
        InputError: one has changed since, or lacks a field with problems.
    """
    return BenchmarkIndex(item for name in pinned for item in _items(*name.rsplit("@", 1)))


def _revision(name: str) -> str:
    if Path(name).suffix in FORMATS:
        return open_local(Path(name))[1]["revision"]
    if name not in BENCHMARKS:
        known = ", ".join(BENCHMARKS)
        raise InputError(f"--decontaminate {name}: unknown (known: {known}; else a {', '.join(FORMATS)} file, or off)")
    cached = _cached().get(name)
    return cached.name if cached else open_hub(_spec(name))[1]["revision"]


def _items(name: str, revision: str) -> Iterator[Item]:
    table = _open(name, revision)
    field = next((column for column in PROBLEM_NAMES if column in table.columns), None)
    if field is None:
        raise InputError(f"benchmark {name} has no field {' or '.join(PROBLEM_NAMES)}")
    called = name if name in BENCHMARKS else Path(name).name
    for number, record in enumerate(table.read(range(len(table)), [field]), 1):
        if isinstance(text := record.values.get(field), str):
            yield Item(called, f"problem {number}", text)


def _open(name: str, revision: str) -> Table:
    if name not in BENCHMARKS:
        table, provenance = open_local(Path(name))
        if provenance["revision"] != revision:
            raise InputError(f"benchmark {name} has changed since the build began; restore it, or build with --fresh")
        return table
    if (cached := _cached().get(name)) and cached.name == revision:
        from datasets import load_dataset

        known = BENCHMARKS[name]
        return HubTable(name, load_dataset(str(cached), name=known.config or "default", split=known.split))
    return open_hub(_spec(name, revision))[0]


def _spec(name: str, revision: str | None = None) -> SourceSpec:
    known = BENCHMARKS[name]
    return SourceSpec(name=known.repo, config=known.config, split=known.split, revision=revision)


def _cached() -> dict[str, Path]:
    """Benchmarks whose texts are in the Hub's cache, each with the folder of its newest revision there."""
    newest = {name: _newest_snapshot(known.repo) for name, known in BENCHMARKS.items()}
    return {name: snapshot for name, snapshot in newest.items() if snapshot}


def _newest_snapshot(repo: str) -> Path | None:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    folder = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=repo, repo_type="dataset"), "snapshots")
    texts = (file for file in folder.glob("*/**/*") if file.suffix in FORMATS and file.is_file())
    newest = max(texts, key=lambda file: file.stat().st_mtime, default=None)
    return newest and folder / newest.relative_to(folder).parts[0]
