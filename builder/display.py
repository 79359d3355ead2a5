"""How far something has come: a redrawn bar on a terminal, a line now and then in a log."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console

_EVERY = 10.0  # seconds between lines where there is no terminal to redraw


class Display:
    """Shows a count out of a total, and what is said about it. The base of what builds and evaluations show.

    Args:
        console: where to show it.
        total: what the count goes up to.
        unit: what is counted, in the plural.
        done: the count at the beginning.
    """

    def __init__(self, console: "Console", total: int, unit: str, done: int = 0) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._console, self._total, self._unit = console, total, unit
        self._began = self._printed = time.monotonic()
        self._bar = None
        if console.is_terminal:
            columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=console)
            self._task = self._bar.add_task("starting", total=total, completed=done)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def _show(self, done: int, text: str, *, always: bool = False) -> None:
        """Show a count; a log gets its line at most every ten seconds unless `always`."""
        now = time.monotonic()
        if self._bar:
            self._bar.update(self._task, completed=done, description=text)
        elif always or now - self._printed >= _EVERY:
            self._printed = now
            self._console.print(f"{done}/{self._total} {self._unit}  {text}", highlight=False, soft_wrap=True)
