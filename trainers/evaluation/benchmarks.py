"""The benchmarks of the paper, and the user's own: where they are, and their rows as problems with gold answers."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.config import Frozen, SourceSpec
from builder.errors import InputError
from builder.sources.fields import MalformedError, scalar_in, text_in
from builder.sources.files import FORMATS, open_local
from builder.sources.load import sample
from builder.sources.table import Record, Table
from builder.texts.golds import gold_of
from trainers.evaluation.gold import Gold, gold_from


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

# The usual names, the first that a benchmark has.
_PROBLEM = ("problem", "question", "prompt")
_ANSWER = ("answer", "final_answer", "gold", "solution")
_SOLUTION = ("solution", "solutions")
_ID = ("id", "unique_id", "idx")


class BenchmarkSpec(Frozen):
    """One benchmark as the user asked for it.

    Attributes:
        name: a key of `BENCHMARKS`, or what the user's own file is called.
        file: local file; None for the Hub.
        problem_field: where not found by itself.
        answer_field: where not found by itself.
        solution_field: where not found by itself.
        id_field: where not found by itself.
    """

    name: str
    file: str | None = None
    problem_field: str | None = None
    answer_field: str | None = None
    solution_field: str | None = None
    id_field: str | None = None


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        id: unique within its benchmark.
        text: the problem, without instructions.
        gold: what counts as right.
        solutions: worked solutions, if the benchmark has any.
    """

    id: str
    text: str
    gold: Gold
    solutions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """A benchmark, ready to be asked.

    Attributes:
        name: what results call it.
        problems: in the benchmark's order.
        total: how many it has; more than `problems` under a limit.
        provenance: `repo` or `file`, `revision` (commit sha, or `sha256:` of the file).
    """

    name: str
    problems: Sequence[Problem]
    total: int
    provenance: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """sha256 over ids, texts and golds: two runs with the same one were asked the same."""
        content = [(problem.id, problem.text, problem.gold.stated) for problem in self.problems]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def specs(names: Sequence[str], data_dir: Path | None, fields: Mapping[str, str | None]) -> list[BenchmarkSpec]:
    """What the user asked for: names of the paper's benchmarks, or files.

    Args:
        names: as given.
        data_dir: folder with `NAME.jsonl` for each named benchmark, instead of the Hub.
        fields: `problem_field` and so on, for the user's own files.

    Raises:
        InputError: a name is neither, or is there twice, or a file is missing.
    """
    found = []
    for name in names:
        if Path(name).suffix in FORMATS:
            found.append(BenchmarkSpec(name=Path(name).stem, file=name, **fields))
        elif data_dir is not None:
            found.append(BenchmarkSpec(name=name, file=str(data_dir / f"{name}.jsonl")))
        elif name in BENCHMARKS:
            found.append(BenchmarkSpec(name=name))
        else:
            raise InputError(
                f"unknown benchmark {name!r} (known: {', '.join(BENCHMARKS)}; else a {', '.join(FORMATS)} file)"
            )
    if any(fields.values()) and not any(Path(name).suffix in FORMATS for name in names):
        raise InputError("field options are for your own files; the paper's benchmarks need none")
    named = [spec.name for spec in found]
    if twice := {name for name in named if named.count(name) > 1}:
        raise InputError(f"benchmark {min(twice)} is named twice")
    if missing := [spec.file for spec in found if spec.file and not Path(spec.file).is_file()]:
        raise InputError(f"file {missing[0]} does not exist")
    return found


def load(spec: BenchmarkSpec, limit: int | None = None, seed: int = 0) -> Loaded:
    """Read a benchmark; with a limit, a seeded random sample of it.

    Raises:
        InputError: it cannot be read, or a row lacks its problem or answer: a benchmark has no rows to spare.
    """
    if limit is not None and limit < 1:
        raise InputError(f"--limit {limit}: must be at least 1")
    table, provenance = _open(spec)
    fields = _Fields(spec, table)
    chosen = sample(seed, len(table), limit)
    records = table.read(chosen, fields.columns)
    problems = [fields.problem(record, number) for number, record in zip(chosen, records, strict=True)]
    if not problems:
        raise InputError(f"{spec.file or spec.name} holds no problems")
    ids = [problem.id for problem in problems]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise InputError(f"{spec.file or spec.name}: id {twice!r} occurs twice; name a unique field with --id-field")
    return Loaded(spec.name, problems, len(table), provenance)


def _open(spec: BenchmarkSpec) -> tuple[Table, dict[str, Any]]:
    if spec.file is not None:
        return open_local(Path(spec.file))
    from builder.sources.hub import open_hub

    known = BENCHMARKS[spec.name]
    return open_hub(SourceSpec(name=known.repo, config=known.config, split=known.split))


class _Fields:
    """Which columns hold what."""

    def __init__(self, spec: BenchmarkSpec, table: Table) -> None:
        def field(option: str, usual: Sequence[str], *, needed: bool) -> str | None:
            named = getattr(spec, f"{option}_field")
            name = named or next((name for name in usual if name in table.columns), None)
            if (named and named not in table.columns) or (needed and name is None):
                raise InputError(
                    f"{spec.file or spec.name} has no field {named or usual[0]!r}; name it with --{option}-field; "
                    f"its fields: {', '.join(table.columns)}"
                )
            return name

        self._problem = field("problem", _PROBLEM, needed=True)
        self._answer = field("answer", _ANSWER, needed=True)
        self._solution = field("solution", _SOLUTION, needed=False)
        self._id = field("id", _ID, needed=False)
        self._extra = [name for name in ("unit", "error", "context", "is_multiple_answer") if name in table.columns]

    @property
    def columns(self) -> list[str]:
        named = (self._problem, self._answer, self._solution, self._id)
        return list(dict.fromkeys([*filter(None, named), *self._extra]))

    def problem(self, record: Record, number: int) -> Problem:
        """One row as a problem; `number` is its position, from 0."""
        try:
            if record.fault is not None:
                raise MalformedError(record.fault)
            return self._checked(record.values, number)
        except (MalformedError, ValueError) as fault:
            raise InputError(f"{record.where}: {fault}") from None

    def _checked(self, values: Mapping[str, Any], number: int) -> Problem:
        text = text_in(self._problem, values.get(self._problem))
        context = values.get("context") if "context" in self._extra else None
        solutions = values.get(self._solution) if self._solution else None
        solutions = tuple(s for s in _listed(solutions) if isinstance(s, str) and s.strip())
        answers = [self._stated(answer) for answer in _listed(values.get(self._answer))]
        gold = gold_from(
            list(filter(None, answers)),
            unit=scalar_in("unit", values.get("unit")) or "",
            error=scalar_in("error", values.get("error")) or "",
            multiple=values.get("is_multiple_answer") is True,
        )
        identifier = scalar_in(self._id, values.get(self._id)) if self._id else None
        return Problem(identifier or str(number), f"{context}\n{text}" if context else text, gold, solutions)

    def _stated(self, answer: Any) -> str | None:
        """The answer of a field that may hold a whole solution (Minerva's, or GSM8K's with its `####`)."""
        stated = scalar_in(self._answer, answer)
        return None if stated is None else gold_of(None, stated) or stated


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
