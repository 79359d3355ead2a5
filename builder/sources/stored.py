"""Rows that a Python program hands over: kept in the tool's cache, and named by what they are.

The source `rows:SHA256` is a JSON Lines file with that sha256. Two programs with the same rows have the same source,
wherever they run, and a build that goes on goes on with the same rows.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from builder.errors import InputError
from builder.policy.models import cache_dir
from builder.sources.files import open_local
from builder.sources.table import Table

PREFIX = "rows:"
_FILE = "rows.jsonl"  # what ids, messages and releases call it


def store(rows: Iterable[Mapping[str, Any]]) -> str:
    """Keep rows, read once and one at a time; returns the name of the source that they are.

    They are written as JSON with sorted keys: the order of a row's fields makes no other source. Nothing is asked of
    them but that JSON can say them; a row that is of no use is rejected by the build, as a line of a file is.

    Raises:
        InputError: a value is nothing that JSON can say.
        OSError: there is no room for them.
    """
    _folder().mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(dir=_folder()) as scratch:
        file = Path(scratch, _FILE)
        with file.open("wb") as content:
            for number, row in enumerate(rows, start=1):
                line = _line(number, row)
                digest.update(line)
                content.write(line)
        place = _folder() / digest.hexdigest()
        place.mkdir(exist_ok=True)
        os.replace(file, place / _FILE)
    return f"{PREFIX}{digest.hexdigest()}"


def open_stored(name: str) -> tuple[Table, dict[str, Any]]:
    """The rows of a name that `store` gave, and their provenance.

    Raises:
        InputError: they are not in the cache, or were changed there.
    """
    digest = name.removeprefix(PREFIX)
    file = _folder() / digest / _FILE
    if not re.fullmatch(r"[0-9a-f]{64}", digest) or not file.is_file():
        raise InputError(f"{name}: no such rows in {_folder()}; give them to builder.api.build again")
    table, provenance = open_local(file)
    if provenance["revision"] != f"sha256:{digest}":
        raise InputError(f"{file} was changed; give the rows to builder.api.build again")
    return table, provenance


def _folder() -> Path:
    return cache_dir() / "rows"


def _line(number: int, row: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(dict(row) if isinstance(row, Mapping) else row, sort_keys=True).encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"rows: row {number} is nothing that JSON can say: {error}") from None
