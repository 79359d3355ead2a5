"""What a realigned release is bound by, and whose child it is."""

import re
from typing import Annotated

from pydantic import Field, field_validator

from builder.config.base import Frozen
from builder.machine.flags import Flag


class Parent(Frozen):
    """The release that another one is realigned from.

    Attributes:
        name: of its directory, or of its repository at a version.
        manifest: sha256 of its manifest, which names the sha256 of every file.
        target: name of its target.
        model_revision: what it was written by.
    """

    name: str
    manifest: str
    target: str
    model_revision: str


class Realign(Frozen):
    """When answers of an earlier checkpoint stand for those of the target (derived in `method.reuse`)."""

    parent: Parent
    cap: Annotated[
        float,
        Flag("C: a stored answer has the weight min(r, C), r how much likelier it is now (default: %(default)s)", "C"),
    ] = Field(3.0, ge=1)
    max_log_ratio: Annotated[
        float,
        Flag("τ: the answer that would be kept may have |log r| of N nats a token at most (default: %(default)s)", "N"),
    ] = Field(0.1, ge=0)
    min_ess: Annotated[
        float,
        Flag(
            "effective sample size of a problem's answers under these weights, at least so large a share of their "
            "number (default: %(default)s)",
            "SHARE",
        ),
    ] = Field(0.5, ge=0, le=1)
    rows: Annotated[
        str | None, Flag("only these of RELEASE, from A to before B, counted from 0 (default: all)", "A:B")
    ] = None

    @field_validator("rows")
    @classmethod
    def _some(cls, rows: str | None) -> str | None:
        if rows is not None and not (
            re.fullmatch(r"\d{1,9}:\d{1,9}", rows) and cls._ends(rows)[0] < cls._ends(rows)[1]
        ):
            raise ValueError("must be two numbers, the first the smaller one, as 0:256")
        return rows

    @property
    def span(self) -> tuple[int, int] | None:
        """The places of these rows, the second one not among them; None for all."""
        return None if self.rows is None else self._ends(self.rows)

    @staticmethod
    def _ends(rows: str) -> tuple[int, int]:
        first, last = map(int, rows.split(":"))
        return first, last
