"""Many rows at work side by side, whatever batches they came in: no row waits for the slowest of its batch."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Window(Generic[T]):
    """Runs `work` on at most `limit` items at a time, in an event loop in a thread of its own.

    Args:
        work: what is done with one item; must not raise.
        limit: items at work; `add` blocks while there are as many.
    """

    def __init__(self, work: Callable[[T], Awaitable[None]], limit: int) -> None:
        self._work = work
        self._room = threading.Semaphore(limit)
        self._finished: SimpleQueue[T] = SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def add(self, item: T) -> None:
        """Begin to work on an item as soon as there is room."""
        self._room.acquire()
        asyncio.run_coroutine_threadsafe(self._handle(item), self._loop)

    def take(self) -> list[T]:
        """The items that were finished since the last call, in the order in which they were."""
        taken = []
        while True:
            try:
                taken.append(self._finished.get_nowait())
            except Empty:
                return taken

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run something else in the same event loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        """Stop; items that are still at work are given up."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _handle(self, item: T) -> None:
        try:
            await self._work(item)
        finally:
            self._finished.put(item)
            self._room.release()
