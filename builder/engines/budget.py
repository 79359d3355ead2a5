"""How much a client keeps in flight."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from builder.errors import EngineError


class Budget:
    """Counts sequences in flight. First come, first served, so that small requests never starve a large one.

    Args:
        total: sequences at most.
    """

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._turn = asyncio.Lock()
        self._returned = asyncio.Event()
        self._closed: str | None = None

    def close(self, reason: str) -> None:
        """Give nobody a share any more, those who wait for one included; shares that are held stay."""
        self._closed = reason
        self._returned.set()

    @asynccontextmanager
    async def hold(self, sequences: int) -> AsyncIterator[None]:
        """Wait for a share and keep it; a request larger than the whole budget gets all of it.

        Raises:
            EngineError: the budget was closed.
        """
        sequences = min(sequences, self._total)
        async with self._turn:
            while self._free < sequences and self._closed is None:
                self._returned.clear()
                await self._returned.wait()
            if self._closed is not None:
                raise EngineError(self._closed)
            self._free -= sequences
        try:
            yield
        finally:
            self._free += sequences
            self._returned.set()
