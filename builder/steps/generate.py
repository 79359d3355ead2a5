"""Draw candidates: `solve` from the plain prompt, `retell` with the expert solution in it (paper, section 3)."""

from typing import Literal

from builder.engines.protocol import Completion, SamplingParams
from builder.journal.draw import draw
from builder.method.candidates import Candidate, dump, load
from builder.method.selection import derive_seed
from builder.steps.base import Row
from builder.steps.engine_step import EngineStep

MIN_ROOM = 16  # completion tokens; a prompt that leaves less is not worth sampling


class Generate(EngineStep):
    """Sample candidates for the rows that need this phase; samples in the journal are not drawn again."""

    phase: Literal["self", "guided"]

    async def ask(self, row: Row) -> None:
        """Fill `self_candidates` or `guided_candidates`."""
        if not row["verifiable"]:
            return
        if self.phase == "guided":
            self._work.judged(len(solved := load(row["self_candidates"])))
            if any(c.acceptable for c in solved):
                return
        plain = self._chat.plain_prompt(row["problem"])
        prompt = plain if self.phase == "self" else self._chat.guided_prompt(row["problem"], row["expert_solution"])
        target, sampling = self._settings.target, self._settings.sampling
        # The kept text is trained on after the plain prompt, whatever prompt drew it: it has to fit there.
        room = min(target.max_length - len(plain), target.context_length - len(prompt), sampling.max_tokens)
        if room < min(MIN_ROOM, sampling.max_tokens):
            return
        params = SamplingParams(sampling.temperature, sampling.top_p, room, self._chat.stop_ids)
        row[f"{self.phase}_candidates"] = dump(await self._sample(row, prompt, params))

    async def _sample(self, row: Row, prompt: list[int], params: SamplingParams) -> list[Candidate]:
        return await self._draw(row["id"], prompt, params, self._settings.sampling.candidates)

    async def _draw(self, row_id: str, prompt: list[int], params: SamplingParams, count: int) -> list[Candidate]:
        """The row's first `count` candidates."""
        seeds = [derive_seed(self._settings.seed, row_id, self.phase, index) for index in range(count)]
        self._work.needs(row_id)
        drawn = await draw(self._engine, self._journal, self._model_key, prompt, params, seeds)
        self._work.has(row_id, count)
        return [self._candidate(index, key, completion) for index, (key, completion) in enumerate(drawn)]

    def _candidate(self, index: int, key: bytes, completion: Completion) -> Candidate:
        return Candidate(
            index=index,
            key=key.hex(),
            text=self._chat.text(completion.token_ids),
            finish_reason=completion.finish_reason,
            tokens=len(completion.token_ids),
            logprob=sum(completion.logprobs),
            control_token=self._chat.has_control_token(completion.token_ids),
        )
