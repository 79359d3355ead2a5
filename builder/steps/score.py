"""Score the kept text and the expert's text under the plain prompt, and record the row as finished."""

import os
from typing import TYPE_CHECKING, Any

from distilabel.steps import StepInput

from builder.candidates import Candidate, counts, load
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

    async def _keys(self, row: Row, phase: str, candidate: Candidate, prompt: list[int]) -> dict[str, str | None]:
        """Journal entries that hold the kept tokens with their policy and with their behavior log-probs."""
        drawn = self._journal.get(bytes.fromhex(candidate.key)).token_ids
        completion = [*drawn[:-1], self._chat.end_of_turn_id]
        as_drawn, from_policy = completion == drawn, self._settings.sampling.from_policy
        if phase == "self" and as_drawn and from_policy:
            return {"policy_key": candidate.key, "behavior_key": candidate.key}
        policy_key, _ = await self.score(prompt, completion)
        behavior_key = candidate.key
        if not as_drawn and from_policy:
            # It stopped at another stop token than the one that is taught: what is kept is scored as kept.
            behavior_key = policy_key
            if phase == "guided":
                guided = self._chat.guided_prompt(row["problem"], row["expert_solution"])
                behavior_key, _ = await self.score(guided, completion)
        return {"policy_key": policy_key, "behavior_key": behavior_key}


def _brief(candidate: Candidate) -> dict[str, Any]:
    """A candidate without its text, which its tokens in the journal give back."""
    return {
        "index": candidate.index,
        "key": candidate.key,
        "verdict": candidate.verdict,
        "answer_form": candidate.answer_form,
        "rejected_reason": candidate.rejected_reason,
    }
