"""From sources to the rows that will be built: load, filter, check golds; every dropped row keeps its reason."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from builder.chat import Chat
from builder.config import Settings
from builder.errors import InputError
from builder.records import REJECTED, schema
from builder.sources.filters import drop_control_tokens, drop_overlong, split_unverifiable
from builder.sources.load import load
from builder.sources.rows import RejectedRow, SourceRow
from builder.verifier import Verifier
from builder.workspace import Workspace, write_atomically


@dataclass(frozen=True)
class Prepared:
    """The rows of a build, in source order.

    Attributes:
        rows: to be built; with `unverifiable` ids among them that go to fallback without being sampled.
        unverifiable: ids of rows whose gold is missing or cannot be parsed.
        rejected: source rows left out.
        provenance: one entry a source.
    """

    rows: list[SourceRow]
    unverifiable: set[str]
    rejected: list[RejectedRow]
    provenance: list[dict[str, Any]]
