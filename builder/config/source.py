"""Where problems come from, and who judges answers to them."""

from typing import Annotated

from pydantic import Field

from builder.config.base import Frozen
from builder.machine.flags import Flag
from builder.method.kinds import Kind


class SourceSpec(Frozen):
    """Where the problems come from: a built-in name, a Hub dataset id or a local file, and its fields."""

    name: str = Field(min_length=1)
    problem_field: Annotated[str | None, Flag("field with the problem", "NAME")] = None
    solution_field: Annotated[str | None, Flag("field with the expert's worked solution", "NAME")] = None
    answer_field: Annotated[
        str | None,
        Flag("field with the gold answer (else the solution's last \\boxed{} or what follows its ####)", "NAME"),
    ] = None
    id_field: Annotated[str | None, Flag("field with a unique id (else source name and row number)", "NAME")] = None
    metadata_fields: list[str] = []
    origin_field: Annotated[
        str | None,
        Flag(
            "field with where the source has the problem from (else origin, source or data_source, if there is one)",
            "NAME",
        ),
    ] = None
    config: Annotated[str | None, Flag("config of a Hub dataset", "NAME")] = None
    split: Annotated[str | None, Flag("split of a Hub dataset (default: train)", "NAME")] = None
    revision: Annotated[str | None, Flag("revision of a Hub dataset", "REV", name="source-revision")] = None


class VerifierSpec(Frozen):
    """A verifier that is not `math` (`builder.verification.protocol`).

    Attributes:
        plugin: as the command line names it.
        name: that it gives itself.
        version: that it gives itself.
        kind: of responses that it judges.
        code: sha256 of the file that its class stands in.
        judged_by: the model whose opinion its verdicts are; None if it verifies.
        rubric: that this model judges by; None if it says none.
    """

    plugin: str
    name: str
    version: str
    kind: Kind
    code: str
    judged_by: str | None = None
    rubric: str | None = None
