"""Score the kept text and the expert's text under the plain prompt, and record the row as finished."""

import os
from typing import TYPE_CHECKING, Any

from distilabel.steps import StepInput

from builder.config import Sampling
from builder.method.candidates import Candidate, counts, load
from builder.steps.base import Row
from builder.steps.engine_step import EngineStep

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput


class Score(EngineStep):
    """Policy log-probs for every row, whatever its stage; then the row's outcome goes into the journal."""

    @property
    def outputs(self) -> "StepColumns":
        """How many rows have come out of a batch: everything else is in the journal."""
        return ["rows"]

    def process(self, inputs: StepInput) -> "StepOutput":
        """Score, then record outcomes and failures."""
        rows = [row for row in next(super().process(inputs)) if "tick" not in row]
        try:
            self._rows.run(self._record(rows))
        except Exception:
            self._logger.exception("the outcomes of %d rows cannot be recorded", len(rows))
            os._exit(1)  # `Feed` would wait for them for ever; a dead step ends the pipeline
        yield [{"rows": len(rows)}]

    async def _record(self, rows: list[Row]) -> None:
        self._journal.put_outcomes(row["outcome"] for row in rows if not row["error"])
        self._journal.put_failures((row["id"], row["error"]) for row in rows if row["error"])

    async def ask(self, row: Row) -> None:
        """Fill `outcome`: what the release is written from."""
        prompt = self._chat.plain_prompt(row["problem"])
        expert_key, _ = await self.score(prompt, self._chat.completion(row["expert_solution"]))
        self_candidates, guided_candidates = load(row["self_candidates"]), load(row["guided_candidates"])
        self._work.judged(len(guided_candidates))
        if row["stage"] == "self_alignment":
            keys = await self._keys(row, "self", self_candidates[row["kept"]], prompt)
        elif row["stage"] == "guided_alignment":
            keys = await self._keys(row, "guided", guided_candidates[row["kept"]], prompt)
        else:
            keys = {"policy_key": expert_key, "behavior_key": None}
        row["outcome"] = {
            "row": row["row"],
            "id": row["id"],
            "stage": row["stage"],
            "kept": row["kept"],
            "fallback_reason": row["fallback_reason"] or None,
            "expert_key": expert_key,
            **keys,
            "pass_rates": counts(self_candidates, "self") | counts(guided_candidates, "guided"),
            "self": [_brief(c) for c in self_candidates],
            "guided": [_brief(c) for c in guided_candidates],
        }

    async def _keys(self, row: Row, phase: str, candidate: Candidate, prompt: list[int]) -> dict[str, Any]:
        """Journal entries that hold the kept tokens with their policy and with their behavior log-probs.

        Where the drawn stop token is not the one that is taught, `behavior_end` is the taught one's behavior log-prob.
        """
        sampling = self._settings.sampling
        drawn = self._journal.get(bytes.fromhex(candidate.key))
        completion = [*drawn.token_ids[:-1], self._chat.end_of_turn_id]
        as_drawn = completion == drawn.token_ids
        if phase == "self" and as_drawn and sampling.from_policy:
            return {"policy_key": candidate.key, "behavior_key": candidate.key}
        policy_key, _ = await self.score(prompt, completion)
        if as_drawn:
            return {"policy_key": policy_key, "behavior_key": candidate.key}
        drawn_from = prompt
        if phase == "guided":
            drawn_from = self._chat.guided_prompt(row["problem"], row["expert_solution"])
        if sampling.from_policy:  # what is kept is scored as kept
            behavior_key, _ = await self.score(drawn_from, completion)
            return {"policy_key": policy_key, "behavior_key": behavior_key}
        before = drawn_from + completion[:-1]
        (_, taught), (_, stopped) = [await self.score(before, [ids[-1]]) for ids in (completion, drawn.token_ids)]
        end = swapped_logprob(drawn.logprobs[-1], stopped.logprobs[0], taught.logprobs[0], sampling)
        return {
            "policy_key": policy_key,
            "behavior_key": candidate.key if end is not None else None,
            "behavior_end": end,
        }


def swapped_logprob(drawn: float, drawn_raw: float, taught_raw: float, sampling: Sampling) -> float | None:
    """Log-prob of the taught end token where another stop token was drawn, under the distribution that was drawn from.

    Engines score at temperature 1 only, and tell the log-prob of another distribution only for what they drew. But the
    two tokens stand at one place, and temperature and nucleus normalise both alike: log q(a) - log q(b) is
    (log p(a) - log p(b)) / temperature, where p is the policy and q what is drawn from.

    Args:
        drawn: log q of the drawn token, nats.
        drawn_raw: its log p.
        taught_raw: log p of the taught token.
        sampling: how it was drawn.

    Returns:
        None if the taught token is less likely than the drawn one and may lie outside of the nucleus.
    """
    if sampling.top_p < 1 and taught_raw < drawn_raw:
        return None
    return min(0.0, drawn + (taught_raw - drawn_raw) / sampling.temperature)


def _brief(candidate: Candidate) -> dict[str, Any]:
    """A candidate without its text, which its tokens in the journal give back."""
    return {
        "index": candidate.index,
        "key": candidate.key,
        "verdict": candidate.verdict,
        "answer_form": candidate.answer_form,
        "rejected_reason": candidate.rejected_reason,
    }
