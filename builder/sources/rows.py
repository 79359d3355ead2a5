"""What a source row becomes: one to build from, or one left out with its reason. Never neither, never both."""

from dataclasses import dataclass
from typing import Literal

RejectReason = Literal[
    "overlong", "no_gold", "contradicted", "contaminated", "duplicate", "near_duplicate", "malformed", "engine_refused"
]


@dataclass(frozen=True)
class SourceRow:
    """A problem with the expert's demonstration.

    Attributes:
        row: zero-based position over all sources of the build, in source order; the order of the release.
        id: unique over the build.
        source: name of the source, for the release.
        problem: as the source has it, without instructions.
        expert_solution: the worked solution, as the source has it.
        gold: the reference answer; None if the source gives none, neither apart nor within the solution.
        origin: where the source says that it has the problem from; None if it does not say.
        metadata: what else it says of the row for its verifier, a JSON object as text; None if nothing.
        experts: all of its solutions, if it gives several; `expert_solution` is one of them.
        expert_index: which one; None if it gives one alone.
    """

    row: int
    id: str
    source: str
    problem: str
    expert_solution: str
    gold: str | None
    origin: str | None = None
    metadata: str | None = None
    experts: tuple[str, ...] = ()
    expert_index: int | None = None


@dataclass(frozen=True)
class RejectedRow:
    """A source row that is not built.

    Attributes:
        row: zero-based position over all sources of the build.
        id: unique over the build, the ids of the rows that are built included.
        source: name of the source.
        reason: the kind of fault.
        detail: what exactly was wrong, and where (file, 1-based line or row, field).
        problem: as far as it could be read, else "".
        expert_solution: as far as it could be read, else "".
        origin: where the source says that it has the problem from; None if it does not say.
    """

    row: int
    id: str
    source: str
    reason: RejectReason
    detail: str
    problem: str
    expert_solution: str
    origin: str | None = None
