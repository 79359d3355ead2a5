"""Verdicts for many coroutines at once: what gathers while one batch is judged makes up the next."""

import asyncio

from builder.verifier import Verdict, Verifier


class GatheringVerifier:
    """Lets concurrent callers share one Verifier. Use it inside one event loop.

    Args:
        verifier: judges the batches, in a thread beside the event loop; closed by its owner.
    """

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._waiting: list[tuple[tuple[str, str], asyncio.Future[Verdict]]] = []
        self._judging: asyncio.Task[None] | None = None

    async def verdict(self, gold: str, response: str) -> Verdict:
        """The verdict on one response.

        Raises:
            EngineError: worker processes do not start on this machine.
        """
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting.append(((gold, response), answer))
        if self._judging is None or self._judging.done():
            self._judging = asyncio.create_task(self._judge())
        return await answer

    async def _judge(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                verdicts = await asyncio.to_thread(self._verifier.verdicts, [pair for pair, _ in batch])
            except Exception as error:
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), verdict in zip(batch, verdicts, strict=True):
                if not answer.done():  # else its caller was cancelled
                    answer.set_result(verdict)
