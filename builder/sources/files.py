"""Local files, by their suffix, and directories of Parquet files."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from builder.errors import InputError
from builder.sources.arrow import ParquetTable
from builder.sources.csv_files import CsvTable
from builder.sources.json_files import JsonLinesTable, open_json_array
from builder.sources.table import Table

FORMATS: dict[str, Callable[[Path], Table]] = {
    ".jsonl": JsonLinesTable,
    ".json": open_json_array,
    ".parquet": lambda file: ParquetTable([file]),
    ".csv": CsvTable,
}


def open_local(path: Path) -> tuple[Table, dict[str, Any]]:
    """A file, or all Parquet files below a directory in the order of their paths, and its provenance.

    Raises:
        InputError: it does not exist, is no file of a known format, or is not what its suffix says.
        OSError: it may not be read.
    """
    if path.is_dir():
        files = sorted(path.rglob("*.parquet"))
        if not files:
            raise InputError(f"directory {path} holds no .parquet file")
        table: Table = ParquetTable(files)
    else:
        if not path.exists():
            raise InputError(f"file {path} does not exist")
        if not path.is_file():
            raise InputError(f"{path} is neither a regular file nor a directory")
        if path.suffix not in FORMATS:
            raise InputError(f"{path}: unknown format {path.suffix!r}; expected one of {', '.join(FORMATS)}")
        files = [path]
        table = FORMATS[path.suffix](path)
    return table, {"file": path.name or path.resolve().name, "revision": f"sha256:{_digest(files)}", "license": None}


def _digest(files: Sequence[Path]) -> str:
    """sha256 of the one file, or of the list of all files' sha256s."""
    digests = []
    for file in files:
        with file.open("rb") as content:
            digests.append(hashlib.file_digest(content, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()
