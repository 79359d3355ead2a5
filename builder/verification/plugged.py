"""A plug-in, seen from the process that asks: what is sent to the workers, and what is believed of their answers."""

import hashlib
from collections.abc import Sequence
from functools import partial

from builder.config import VerifierSpec
from builder.errors import InputError
from builder.machine.cli import meant
from builder.texts.answers import Answer, LaxestForm
from builder.verification.pool import KillablePool
from builder.verification.registry import MATH, SHIPPED
from builder.verification.verdicts import Reference, Response, Verdict
from builder.verification.worker import Described, Sent, described, judged, prepare, unusable

DESCRIBE_SECONDS = 60.0


class Plugged:
    """Asks a plug-in; see `builder.verification.verifier.Grader`."""

    def __init__(self, spec: VerifierSpec) -> None:
        self._spec = spec
        self.prepare = partial(prepare, spec.plugin)

    def read(self, response: Response, answer: Answer | None, laxest: LaxestForm) -> Sent:
        """The whole response: what counts as an answer is the plug-in's."""
        return Sent(response.problem, response.gold, response.text, response.metadata)

    def remembered_as(self, sent: Sent) -> bytes:
        """A digest: texts are long."""
        return hashlib.sha256("\0".join(sent).encode("utf-8", "surrogatepass")).digest()

    def at_once(self, sent: Sent) -> None:
        """Nothing: a plug-in runs in no other process than a worker."""
        return

    def graded(self, pool: KillablePool, sent: Sequence[Sent]) -> list[Verdict]:
        """By the plug-in, several at a time."""
        return pool.map_groups(partial(judged, self._spec.plugin), sent)

    def unusable(self, pool: KillablePool, references: Sequence[Reference]) -> list[str | None]:
        """What the plug-in says; a row that it cannot say anything of is not usable either."""
        sent = [Sent(r.problem, r.gold, "", r.metadata) for r in references]
        asked = list(dict.fromkeys(sent))
        answers = pool.map(partial(unusable, self._spec.plugin), asked)
        said = {one: _reason(answer, self._spec.name) for one, answer in zip(asked, answers, strict=True)}
        return [said[one] for one in sent]


def _reason(answer: tuple[str | None] | str, name: str) -> str | None:
    if isinstance(answer, tuple):
        return answer[0]
    return f"verifier {name} " + ("took too long" if answer == "timeout" else "failed") + " on its gold answer"


def verifier_named(plugin: str) -> VerifierSpec | None:
    """The verifier that the command line names; None for `math`. A plug-in is asked who it is, in a worker.

    Raises:
        InputError: there is no such verifier, or it is not one.
        EngineError: worker processes do not start on this machine.
    """
    if plugin == MATH:
        return None
    if plugin not in SHIPPED and ":" not in plugin:
        raise InputError(
            f"--verifier {plugin}: unknown{meant(plugin, (MATH, *SHIPPED))} (shipped: {', '.join((MATH, *SHIPPED))}; "
            "your own as package.module:Class; a server as http://...; a model's opinion as judge:FILE)"
        )
    pool = KillablePool(1, DESCRIBE_SECONDS)
    try:
        (said,) = pool.map(described, [plugin])
    finally:
        pool.close()
    if isinstance(said, Described):
        return VerifierSpec(plugin=plugin, **said._asdict())
    faults = {"timeout": f"says nothing of itself within {DESCRIBE_SECONDS:g} s", "error": "crashes when it is loaded"}
    raise InputError(f"--verifier {plugin}: {faults.get(said, said)}")
