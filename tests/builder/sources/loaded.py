"""Sources read to their end, for tests."""

from dataclasses import dataclass, field
from typing import Any

from builder.sources.load import load
from builder.sources.rows import RejectedRow, SourceRow


@dataclass
class Loaded:
    """What `load` streams, in lists: rows to build and rejected rows, each in source order."""

    rows: list[SourceRow] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    provenance: list[dict[str, Any]] = field(default_factory=list)


def load_all(*arguments) -> Loaded:
    """Everything that `load` gives for these arguments; they must come in the order of the source."""
    loaded = load(*arguments)
    found, last = Loaded(provenance=loaded.provenance), -1
    for row in loaded.rows:
        assert row.row > last
        last = row.row
        (found.rows if isinstance(row, SourceRow) else found.rejected).append(row)
    return found
