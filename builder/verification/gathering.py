"""Verdicts for many coroutines at once: what gathers while one batch is judged makes up the next."""

import asyncio

from builder.texts.answers import LaxestForm
from builder.verification.verdicts import Judgement, Response
from builder.verification.verifier import Verifier


class GatheringVerifier:
    """Lets concurrent callers share one Verifier. Use it inside one event loop.

    Args:
        verifier: judges the batches, in a thread beside the event loop; closed by its owner.
        laxest: the laxest form of answer that counts.
    """

    def __init__(self, verifier: Verifier, laxest: LaxestForm = "trailing") -> None:
        self._verifier, self._laxest = verifier, laxest
        self._waiting: list[tuple[Response, asyncio.Future[Judgement]]] = []
        self._judging: asyncio.Task[None] | None = None

    async def judgement(self, response: Response) -> Judgement:
        """The verifier's judgement on one response.

        Raises:
            EngineError: worker processes do not start on this machine.
        """
        answer: asyncio.Future[Judgement] = asyncio.get_running_loop().create_future()
        self._waiting.append((response, answer))
        if self._judging is None or self._judging.done():
            self._judging = asyncio.create_task(self._judge())
        return await answer

    async def _judge(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                judgements = await asyncio.to_thread(self._verifier.judge, [r for r, _ in batch], self._laxest)
            except Exception as error:
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), judgement in zip(batch, judgements, strict=True):
                if not answer.done():  # else its caller was cancelled
                    answer.set_result(judgement)
