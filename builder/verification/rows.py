"""Rows of a JSONL file that `builder.verify` grades, checked one by one."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO, NamedTuple

from builder.errors import InputError
from builder.texts.golds import gold_of
from builder.verification.verdicts import Response


class InputRow(NamedTuple):
    """One row of the input, checked."""

    content: dict[str, Any]
    response: Response


def read_rows(
    lines: BinaryIO, name: str, gold_field: str, response_field: str, problem_field: str | None = None
) -> Iterator[InputRow]:
    """The rows of a JSONL file, one at a time; empty lines are passed over.

    Raises:
        InputError: naming file, line (from 1) and field.
    """
    for number, line in enumerate(iter(lines.readline, b""), 1):
        if not line.strip():
            continue
        where = f"{name}, row {number}"
        try:
            content = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not JSON: {error}") from None
        if not isinstance(content, dict):
            raise InputError(f"{where}: expected a JSON object, got {type(content).__name__}")
        texts = {}
        for field in filter(None, (gold_field, response_field, problem_field)):
            if field not in content:
                raise InputError(f"{where}: no field {field!r} (it has: {', '.join(content)})")
            texts[field] = content[field]
            if field != gold_field and not isinstance(texts[field], str):
                raise InputError(f"{where}: field {field!r}: expected text, got {type(texts[field]).__name__}")
        gold = _gold(content[gold_field], f"{where}: field {gold_field!r}")
        yield InputRow(content, Response(gold, texts[response_field], texts.get(problem_field, "")))


def _gold(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{where}: expected text or a number, got {type(value).__name__}")
    if isinstance(value, float):
        # Datasets store integer answers as 27.0, and repr writes small numbers as 1e-07, which is no LaTeX.
        value = int(value) if value.is_integer() else f"{Decimal(repr(value)):f}"
    text = str(value)
    return gold_of(None, text) or gold_of(text, "") or ""
