"""Whether a server is there at all, asked beside requests that may rightly take half an hour."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp


class Pulse:
    """Ends the requests under way to a server that has stopped answering anything (it hangs, or its machine is gone).

    Args:
        url: what to ask; any answer is a sign of life, whatever its status.
        every: seconds between two questions, and for the answer to one.
        misses: unanswered questions in a row after which the server counts as lost.
    """

    def __init__(self, url: str, every: float, misses: int = 3) -> None:
        self._url, self._every, self._misses = url, every, misses
        self._limits: set[asyncio.Timeout] = set()
        self._watch: asyncio.Task | None = None
        self.lost = False

    @asynccontextmanager
    async def required(self, session: aiohttp.ClientSession) -> AsyncIterator[None]:
        """Hold this while a request is under way.

        Raises:
            TimeoutError: the server is lost, already or by now.
        """
        if self.lost and not await self._beats(session):
            raise TimeoutError
        async with asyncio.timeout(None) as limit:
            self._limits.add(limit)
            if self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._look(session))
            try:
                yield
            finally:
                self._limits.discard(limit)
                if not self._limits:
                    self._watch.cancel()

    async def _look(self, session: aiohttp.ClientSession) -> None:
        missed = 0
        while missed < self._misses:
            await asyncio.sleep(self._every)
            missed = 0 if await self._beats(session) else missed + 1
        self.lost = True
        for limit in self._limits:
            limit.reschedule(0.0)

    async def _beats(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(self._url, timeout=aiohttp.ClientTimeout(total=self._every)):
                self.lost = False
        except (aiohttp.ClientError, OSError):
            return False
        return True
