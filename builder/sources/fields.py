"""Which columns hold problem, solution, answer and id, and what one row has in them."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from builder.config import SourceSpec
from builder.errors import InputError
from builder.sources.table import Table
from builder.texts.golds import gold_of

PROBLEM_NAMES = ("problem", "question", "prompt")
SOLUTION_NAMES = ("solution", "expert_solution", "solutions")
ANSWER_NAMES = ("answer", "final_answer", "expected_answer")
ORIGIN_NAMES = ("origin", "source", "data_source")
FIELDS = ("problem", "solution", "answer", "id", "origin")
MAX_BYTES = 1_000_000
_PEEK = 20
_MOST_ORIGIN = 200  # characters


class MalformedError(ValueError):
    """What is wrong with one row, and in which of its fields."""


@dataclass(frozen=True)
class Fields:
    """Column names.

    Without an answer column the gold stands in the solution, without an id one is made up, without an origin there is
    none.
    """

    problem: str
    solution: str
    answer: str | None = None
    id: str | None = None
    origin: str | None = None
    metadata: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns that have to be read."""
        return list(dict.fromkeys(filter(None, (*(getattr(self, name) for name in FIELDS), *self.metadata))))


def find_fields(spec: SourceSpec, table: Table) -> Fields:
    r"""The fields that `spec` names, and the usual names for the others.

    A column `answer` is taken for the solution (as in GSM8K) if there is no column for that, and if it holds
    worked text in most of the first rows: text with a `####` or a closed `\boxed{}`.

    Raises:
        InputError: a named field does not exist, or there is no problem or no expert solution.
    """
    columns = ", ".join(table.columns)
    named = [(f"{option}-field", getattr(spec, f"{option}_field")) for option in FIELDS]
    for option, name in [*named, *(("metadata-fields", name) for name in spec.metadata_fields)]:
        if name is not None and name not in table.columns:
            raise InputError(f"{spec.name} has no field {name!r} for --{option}; its fields: {columns}")

    def first(names: tuple[str, ...]) -> str | None:
        return next((name for name in names if name in table.columns), None)

    problem = spec.problem_field or first(PROBLEM_NAMES)
    if problem is None:
        raise InputError(
            f"{spec.name}: no field holds the problem (looked for {', '.join(PROBLEM_NAMES)}); "
            f"name one with --problem-field; its fields: {columns}"
        )
    solution = spec.solution_field or first(SOLUTION_NAMES)
    if solution is None and "answer" in table.columns and _is_worked(table, "answer"):
        solution = "answer"
    if solution is None:
        raise InputError(
            f"{spec.name}: no field holds an expert solution to fall back to (looked for "
            f"{', '.join(SOLUTION_NAMES)}, and answer if it is worked out); "
            f"name one with --solution-field; its fields: {columns}"
        )
    answer = spec.answer_field or first(tuple(name for name in ANSWER_NAMES if name != solution))
    taken = (problem, solution, answer, spec.id_field)
    origin = spec.origin_field or first(tuple(name for name in ORIGIN_NAMES if name not in taken))
    return Fields(*taken, origin, tuple(spec.metadata_fields))


def id_in(values: Mapping[str, Any], field: str) -> str:
    """The row's own id.

    Raises:
        MalformedError: it is missing, empty, or neither text nor a number.
    """
    identifier = scalar_in(field, values.get(field))
    if identifier is None or not identifier.strip():
        raise MalformedError(f"field {field!r}: no id")
    return identifier


def content_of(values: Mapping[str, Any], fields: Fields) -> tuple[str, tuple[str, ...], str | None]:
    """Problem, expert solutions and gold answer of a row, the texts exactly as the source has them.

    There may be a list of solutions (OlympiadBench), of which those count that are texts, at least one. Where there is
    no answer, the gold stands in the first.

    Raises:
        MalformedError: a field is missing, empty, too long, or of the wrong type.
    """
    problem = text_in(fields.problem, values.get(fields.problem))
    solutions = _texts_in(fields.solution, values.get(fields.solution))
    answer = values.get(fields.answer) if fields.answer else None
    if isinstance(answer, list):
        if len(answer) > 1:
            raise MalformedError(f"field {fields.answer!r}: expected one answer, got a list of {len(answer)}")
        answer = answer[0] if answer else None
    return problem, solutions, gold_of(scalar_in(fields.answer, answer), solutions[0])


def origin_of(values: Mapping[str, Any], fields: Fields) -> str | None:
    """Where the source has a row from, in at most 200 characters; None if it does not say so in a word or a number."""
    value = values.get(fields.origin) if fields.origin else None
    try:
        return (scalar_in(fields.origin, value) or "").strip()[:_MOST_ORIGIN] or None
    except MalformedError:
        return None


def metadata_of(values: Mapping[str, Any], fields: Sequence[str]) -> str | None:
    """What a row says in its metadata fields, a JSON object by field as text; None without such fields.

    A field called `metadata` that is an object itself, or one as text, gives its own members.

    Raises:
        MalformedError: a value is nothing that JSON can say, or there is too much of it.
    """
    found: dict[str, Any] = {}
    for name in fields:
        value = values.get(name)
        members = _object(value) if name == "metadata" else None
        found |= {name: value} if members is None else members
    if not found:
        return None
    named = ", ".join(fields)
    try:
        text = json.dumps(found, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedError(f"field {named!r}: no JSON: {error}") from None
    return text_in(named, text)


def _object(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return value if isinstance(value, dict) else None


def excerpt(value: Any, characters: int = 10_000) -> str:
    """As much of a faulty field as can be written down; "" if it is no text."""
    value = _first_of_list(value)
    if not isinstance(value, str):
        return ""
    return value[:characters].encode("utf-8", errors="replace").decode("utf-8")


def _is_worked(table: Table, column: str) -> bool:
    records = table.read(range(min(_PEEK, len(table))), [column])
    values = [record.values.get(column) for record in records if record.fault is None]
    worked = [v for v in values if isinstance(v, str) and gold_of(None, v) is not None]
    return 2 * len(worked) > len(values)


def _first_of_list(value: Any) -> Any:
    return next(iter(value), None) if isinstance(value, list) else value


def _texts_in(field: str, value: Any) -> tuple[str, ...]:
    """A text, or those that a list has.

    Raises:
        MalformedError: there is none; says what is wrong with the first.
    """
    found = []
    for each in value if isinstance(value, list) else [value]:
        with suppress(MalformedError):
            found.append(text_in(field, each))
    return tuple(found) or (text_in(field, _first_of_list(value)),)


def text_in(field: str, value: Any) -> str:
    """A text that says something, as it stands.

    Raises:
        MalformedError: it is missing, empty, too long, or no text.
    """
    if value is None:
        raise MalformedError(f"field {field!r}: missing")
    if not isinstance(value, str):
        raise MalformedError(f"field {field!r}: expected text, got {type(value).__name__}")
    if not value.strip():
        raise MalformedError(f"field {field!r}: empty")
    if _bytes(field, value) > MAX_BYTES:
        raise MalformedError(f"field {field!r}: {_bytes(field, value):,} bytes, at most {MAX_BYTES:,} are read")
    return value


def scalar_in(field: str | None, value: Any) -> str | None:
    """Text or a number as text, whole floats without their `.0`.

    Raises:
        MalformedError: it is neither.
    """
    if value is None:
        return None
    if isinstance(value, str):
        _bytes(field, value)
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise MalformedError(f"field {field!r}: expected text or a number, got {type(value).__name__}")
    number = Decimal(str(value))
    if not number.is_finite():
        raise MalformedError(f"field {field!r}: {value} is not a number")
    return f"{number:f}" if number != number.to_integral_value() else str(int(number))


def _bytes(field: str | None, value: str) -> int:
    try:
        return len(value.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise MalformedError(f"field {field!r}: half a surrogate pair at character {error.start + 1}") from None
