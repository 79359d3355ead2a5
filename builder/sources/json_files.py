"""JSON Lines, read line by line, and JSON arrays, read whole."""

import codecs
import json
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from builder.errors import InputError
from builder.sources.table import ListTable, Record, as_record


class JsonLinesTable:
    """A `.jsonl` file: one object a line; blank lines are no rows. Only the lines' offsets stay in memory."""

    def __init__(self, file: Path):
        self._file = file
        self._offsets, self._numbers = array("q"), array("q")  # bytes; lines, from 1
        columns: dict[str, None] = {}
        offset = 0
        with file.open("rb") as content:
            for number, line in enumerate(content, start=1):
                if line.strip(codecs.BOM_UTF8 + b" \t\r\n"):
                    self._offsets.append(offset)
                    self._numbers.append(number)
                    columns |= dict.fromkeys(_parse("", line).values)
                offset += len(line)
        self.columns = list(columns)

    def __len__(self) -> int:
        return len(self._offsets)

    def read(self, indices: Sequence[int], columns: Sequence[str]) -> Iterator[Record]:
        """See `Table.read`; a line that cannot be parsed is a fault of that row alone."""
        with self._file.open("rb") as content:
            for index in indices:
                content.seek(self._offsets[index])
                yield _parse(f"{self._file.name}, line {self._numbers[index]}", content.readline())


def open_json_array(file: Path) -> ListTable:
    """A `.json` file that holds one array of objects.

    Raises:
        InputError: it is not JSON, or not an array.
    """
    hint = "a .json file holds one array of objects; one object a line is .jsonl"
    try:
        items = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is not readable as JSON: {_reason(error)} ({hint})") from None
    if not isinstance(items, list):
        raise InputError(f"{file}: expected an array of objects, got {type(items).__name__} ({hint})")
    return ListTable(file.name, items)


def _parse(where: str, line: bytes) -> Record:
    try:
        item: Any = json.loads(line.rstrip().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return Record(where, {}, _reason(error))
    return as_record(where, item)


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not valid UTF-8 at byte {error.start + 1}"
    if isinstance(error, json.JSONDecodeError):
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        return f"invalid JSON: {error.msg.removesuffix(' at')} at {line}column {error.colno}"
    return f"invalid JSON: {error}"
