"""Ctrl-C, and the polite kill of a scheduler: once is "come to an end", twice is "now"."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from builder.machine import processes

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def interrupt_when_terminated() -> None:
    """Treat a polite kill like Ctrl-C: stop the children, keep what is finished."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


class Interrupts:
    """Listens for SIGINT and SIGTERM while the `with` block lasts; only for the main thread.

    The first one raises KeyboardInterrupt, but within `deferred()` it is only noted. The second one kills every child
    at once and raises KeyboardInterrupt wherever we are.
    """

    def __init__(self) -> None:
        self.asked = False
        self._deferred = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """For as long as somebody looks at `asked` and comes to an end by himself."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked, True
        if again:
            processes.kill_all()
        if again or not self._deferred:
            raise KeyboardInterrupt
