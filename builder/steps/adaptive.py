"""Adaptive sampling: draw a row's candidates in waves, and stop as soon as one may be kept.

Candidates of a row are independent draws from one distribution. The number drawn depends only on earlier waves, and
within the last wave every acceptable candidate is as likely to be selected as any other: the kept text has the same
distribution as a random acceptable one out of all `candidates` (docs/performance.md has the proof).
"""

import asyncio

from pydantic import PrivateAttr

from builder.engines.protocol import SamplingParams
from builder.journal.draw import until_acceptable
from builder.method.candidates import Candidate
from builder.steps.base import Row
from builder.steps.generate import Generate
from builder.steps.verify import start_verifier, task_of
from builder.verification.gathering import GatheringVerifier
from builder.verification.verdicts import Response
from builder.verification.verifier import Verifier


class AdaptiveGenerate(Generate):
    """Like `Generate`, but judges as it draws; `Verify` finds the verdicts there already."""

    _verifier: Verifier = PrivateAttr(None)
    _judge: GatheringVerifier = PrivateAttr(None)

    def load(self) -> None:
        """Start the verifier too."""
        super().load()
        self._verifier = start_verifier(self._settings)
        self._judge = GatheringVerifier(self._verifier, self._settings.rules.accept_answers)

    def unload(self) -> None:
        """Stop it."""
        if self._verifier:
            self._verifier.close()
        super().unload()

    async def _sample(self, row: Row, prompt: list[int], params: SamplingParams) -> list[Candidate]:
        judged: list[Candidate] = []

        async def draw_up_to(count: int) -> list[Candidate]:
            new = (await self._draw(row["id"], prompt, params, count))[len(judged) :]
            judged.extend(await asyncio.gather(*(self._judged(row, candidate) for candidate in new)))
            return judged

        return await until_acceptable(self._settings.sampling.candidates, draw_up_to, lambda c: c.acceptable)

    async def _judged(self, row: Row, candidate: Candidate) -> Candidate:
        judgement = await self._judge.judgement(Response(row["gold"], candidate.text, row["problem"]))
        task = task_of(row, self.phase, self._settings.target)
        return candidate.judged(judgement, task, self._settings.rules)
