"""A sampled response, and what the verifier and the rules make of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from builder.config import Rules
from builder.method.rules import Task, rejected_reason
from builder.verification.verdicts import Judgement, Verdict

Phase = Literal["self", "guided"]


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
        verdict: the verifier's; None before it was asked.
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
    verdict: Verdict | None = None
    answer_form: str | None = None
    rejected_reason: str | None = None

    @property
    def acceptable(self) -> bool:
        """Whether it was verified and may be kept."""
        return self.verdict is not None and self.rejected_reason is None

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


def counts(candidates: Sequence[Candidate], phase: Phase) -> dict[str, int]:
    """The release's pass-rate columns of one phase."""
    return {f"{phase}_sampled": len(candidates), f"{phase}_correct": sum(c.correct for c in candidates)}
