"""How much a client keeps in flight."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """Counts sequences in flight. First come, first served, so that small requests never starve a large one.

    Args:
        total: sequences at most.
    """

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._turn = asyncio.Lock()
        self._returned = asyncio.Event()

    @asynccontextmanager
    async def hold(self, sequences: int) -> AsyncIterator[None]:
        """Wait for a share and keep it; a request larger than the whole budget gets all of it."""
        sequences = min(sequences, self._total)
        async with self._turn:
            while self._free < sequences:
                self._returned.clear()
                await self._returned.wait()
            self._free -= sequences
        try:
            yield
        finally:
            self._free += sequences
            self._returned.set()
