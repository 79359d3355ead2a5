"""Score the kept text and the expert's text under the plain prompt, and record the row as finished."""

import os
from typing import TYPE_CHECKING, Any

from distilabel.steps import StepInput

from builder.config import Sampling
from builder.journal.journal import entropy_key
from builder.method.candidates import Candidate, Phase
from builder.method.outcome import Outcome, Texts
from builder.steps.base import Columns, Flight
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
        flights = self.passed_on([Flight.arriving(columns, self.name) for columns in inputs if "tick" not in columns])
        try:
            self._rows.run(self._record(flights))
        except Exception:
            self._logger.exception("the outcomes of %d rows cannot be recorded", len(flights))
            os._exit(1)  # `Feed` would wait for them for ever; a dead step ends the pipeline
        yield [{"rows": len(flights)}]

    async def _record(self, flights: list[Flight]) -> None:
        failed = [(flight, flight.alignment.error) for flight in flights if flight.alignment.error]
        refused = [(flight.row, error) for flight, error in failed if flight.alignment.refused]
        self._journal.put_outcomes([flight.outcome for flight in flights if not flight.alignment.error])
        self._journal.refusals.add((row["row"], row["id"], error) for row, error in refused)
        self._journal.put_failures((flight.row["id"], error) for flight, error in failed)

    async def ask(self, flight: Flight) -> None:
        """Make the row's outcome."""
        row, alignment = flight.row, flight.alignment
        prompt = self._chat.plain_prompt(row["problem"])
        expert, _ = await self.score(prompt, self._chat.completion(row["expert_solution"]))
        match alignment.decision.stage:
            case "self_alignment":
                texts = await self._kept(row, "self", alignment.own[alignment.decision.kept], prompt, expert)
            case "guided_alignment":
                texts = await self._kept(row, "guided", alignment.retold[alignment.decision.kept], prompt, expert)
            case "fallback":
                texts = self._texts(expert, policy=expert, scored=expert)
        flight.outcome = Outcome.of(row["row"], row["id"], alignment, texts)

    def _texts(self, expert: str, policy: str, scored: str, **others: Any) -> Texts:
        """A row's texts.

        Args:
            expert: journal key of the expert's text.
            policy: of the kept text with its policy log-probs,
            scored: and as it was scored, which is where its entropies are.
            others: fields of `Texts`.
        """
        keys = {"entropies": scored, "expert_entropies": expert} if self._settings.entropies else {}
        keys = {name: entropy_key(bytes.fromhex(key)).hex() for name, key in keys.items()}
        return Texts(expert, policy, **keys, **others)

    async def _kept(self, row: Columns, phase: Phase, candidate: Candidate, prompt: list[int], expert: str) -> Texts:
        """Where the kept tokens are, with their policy and with their behavior log-probs."""
        sampling = self._settings.sampling
        drawn = self._journal.get(bytes.fromhex(candidate.key))
        completion = [*drawn.token_ids[:-1], self._chat.end_of_turn_id]
        as_drawn = completion == drawn.token_ids
        own = phase == "self" and as_drawn and sampling.from_policy
        if own and not self._settings.entropies:
            return self._texts(expert, candidate.key, candidate.key, behavior=candidate.key)
        policy, _ = await self.score(prompt, completion)
        if as_drawn:
            return self._texts(expert, candidate.key if own else policy, policy, behavior=candidate.key)
        drawn_from = prompt
        if phase == "guided":
            drawn_from = self._chat.guided_prompt(row["problem"], row["expert_solution"])
        if sampling.from_policy:  # what is kept is scored as kept
            behavior, _ = await self.score(drawn_from, completion)
            return self._texts(expert, policy, policy, behavior=behavior)
        before = drawn_from + completion[:-1]
        (_, taught), (_, stopped) = [await self.score(before, [ids[-1]]) for ids in (completion, drawn.token_ids)]
        end = swapped_logprob(drawn.logprobs[-1], stopped.logprobs[0], taught.logprobs[0], sampling)
        drawn_as = candidate.key if end is not None else None
        return self._texts(expert, policy, policy, behavior=drawn_as, behavior_end=end)


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
