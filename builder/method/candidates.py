"""A sampled response on its way through the pipeline, and what each stage of alignment makes of a row's candidates."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from builder.config import Rules
from builder.method.rules import Task, rejected_reason
from builder.method.selection import select
from builder.verification.verdicts import Judgement

Phase = Literal["self", "guided"]
Stage = Literal["self_alignment", "guided_alignment", "fallback"]


@dataclass(frozen=True)
class Candidate:
    """One sampled response. Its token ids and log-probs stay in the journal, under `key`.

    Attributes:
        index: number of the sample within its phase.
        key: the journal's key, hexadecimal.
        text: the response, without the token that ended it; "" once it is judged: nobody needs it on the way any more.
        finish_reason: "stop" or "length".
        tokens: token count, the one that ended it included.
        logprob: sum of log-probs under the distribution that drew it, nats.
        control_token: whether a control token stands in the middle of it.
        verdict: the verifier's; "" before it was asked.
        answer_form: how the answer that the verdict is about is stated; None if there is none.
        rejected_reason: why it may not be kept; None if it may.
    """

    index: int
    key: str
    text: str
    finish_reason: str
    tokens: int
    logprob: float
    control_token: bool
    verdict: str = ""
    answer_form: str | None = None
    rejected_reason: str | None = None

    @property
    def acceptable(self) -> bool:
        """Whether it was verified and may be kept."""
        return bool(self.verdict) and self.rejected_reason is None

    @property
    def correct(self) -> bool:
        """Whether it is complete and verified correct, kept or not."""
        return self.verdict == "correct" and self.finish_reason == "stop"

    def judged(self, judgement: Judgement, task: Task, rules: Rules) -> "Candidate":
        """The candidate with the verifier's judgement and with what the rules make of it."""
        verdict, answer_form = judgement
        reason = rejected_reason(
            self.text,
            task,
            rules,
            verdict=verdict,
            finish_reason=self.finish_reason,
            has_control_token=self.control_token,
        )
        return replace(self, text="", verdict=verdict, answer_form=answer_form, rejected_reason=reason)


def dump(candidates: Sequence[Candidate]) -> str:
    """Candidates as one JSON string: nested columns are slow and fragile in distilabel's queues."""
    return json.dumps([asdict(candidate) for candidate in candidates])


def load(text: str) -> list[Candidate]:
    """The inverse of `dump`."""
    return [Candidate(**fields) for fields in json.loads(text)]


@dataclass(frozen=True)
class Decision:
    """Where a row's text comes from (paper, section 3 and Table 1).

    Attributes:
        stage: the paper's name of the stage that supplied the text.
        kept: index of the kept candidate within its phase; None for fallback.
        fallback_reason: why the expert's text stayed; None unless fallback.
    """

    stage: Stage
    kept: int | None = None
    fallback_reason: str | None = None


def route(
    seed: int,
    row_id: str,
    verifiable: bool,
    self_candidates: Sequence[Candidate],
    guided_candidates: Sequence[Candidate],
) -> Decision:
    """Self-alignment if the policy solved it, else guided-alignment if it retold it, else the expert's text."""
    by_phase: tuple[tuple[Phase, Stage, Sequence[Candidate]], ...] = (
        ("self", "self_alignment", self_candidates),
        ("guided", "guided_alignment", guided_candidates),
    )
    for phase, stage, candidates in by_phase:
        kept = select(seed, row_id, phase, (c.index for c in candidates if c.acceptable))
        if kept is not None:
            return Decision(stage, kept)
    if not verifiable:
        return Decision("fallback", fallback_reason="unverifiable")
    if not guided_candidates:
        return Decision("fallback", fallback_reason="no_room")
    return Decision("fallback", fallback_reason="no_acceptable_candidate")


def counts(candidates: Sequence[Candidate], phase: Phase) -> dict[str, Any]:
    """The release's pass-rate columns of one phase."""
    return {f"{phase}_sampled": len(candidates), f"{phase}_correct": sum(c.correct for c in candidates)}
