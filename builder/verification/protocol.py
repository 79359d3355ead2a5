"""What a verifier is: a plug-in for answers that are not mathematics (docs/verifiers.md writes one in 20 lines).

A plug-in runs in worker processes that are killed when they take too long or too much memory, and nowhere else. It may
crash, hang or answer nonsense: the row then gets `timeout` or `error`, never `incorrect`. One instance, made without
arguments, answers many questions of many rows, in no certain order; its answers may depend on nothing but the question.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from builder.method.kinds import Kind
from builder.verification.verdicts import Verdict

__all__ = ["Kind", "Question", "Verdict", "VerifierPlugin"]


class Question(NamedTuple):
    """What a plug-in is asked about one response.

    Attributes:
        problem: without instructions.
        gold: the reference answer; "" if the source gives none.
        response: to be judged, as a whole.
        metadata: the row's own (`--metadata-fields`); empty if it has none.
    """

    problem: str
    gold: str
    response: str
    metadata: dict[str, Any]


class VerifierPlugin(Protocol):
    """What a class must have that `--verifier package.module:Class` names.

    Attributes:
        name: what releases call it.
        version: of what it decides; a change of it judges stored samples again, as a change of its source file does.
        kind: what a response is, from which prompts and rules follow (`builder.method.kinds`); "words" if it does not
            say.
        judged_by: the model whose opinion its verdicts are; releases then say "judged", not verified. Lacks where it
            verifies.
        rubric: that this model judges by; may lack.
    """

    name: str
    version: str
    kind: Kind

    def parseable(self, gold: str, metadata: dict[str, Any]) -> str | None:
        """Why a row cannot be verified, in a few words; None if it can."""
        ...

    def verdicts(self, questions: Sequence[Question]) -> Sequence[Verdict]:
        """The verdict on each response, in order; see `builder.verification.verdicts.Verdict`."""
        ...
