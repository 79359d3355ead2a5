"""How far something has come: a redrawn line with a bar on a terminal, a line now and then in a log."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_EVERY = 10.0  # seconds between lines where there is no terminal to redraw
_BAR = (8, 24)  # columns of the bar, at least and at most
_BETWEEN = " | "


class Display:
    """Shows a count out of a total, and what is said about it. The base of what builds and evaluations show.

    What is said comes in parts, the most important first: a terminal shows as many of them as it has room for, and the
    count always.

    Args:
        console: where to show it.
        total: what the count goes up to.
        unit: what is counted, in the plural.
        done: the count at the beginning.
    """

    def __init__(self, console: "Console", total: int, unit: str, done: int = 0) -> None:
        from rich.live import Live

        self._console, self._total, self._unit = console, total, unit
        self._began = self._printed = time.monotonic()
        self._done, self._parts, self._share = done, ["starting"], done / total if total else 1.0
        self._live = Live(self, console=console) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        bar, line = fitted(self._count(), self._parts, options.max_width)
        grid = Table.grid(padding=(0, 1, 0, 0))
        cells = [Text(line, no_wrap=True, overflow="ellipsis")]
        if bar:
            cells.insert(0, ProgressBar(total=1.0, completed=self._share, width=bar))
        grid.add_row(*cells)
        yield grid

    def _count(self) -> str:
        return f"{self._done:,}/{self._total:,} {self._unit}"

    def _show(self, done: int, parts: Sequence[str], *, share: float | None = None, always: bool = False) -> None:
        """Show a count and what is said about it.

        Args:
            done: the count.
            parts: what is said, the most important first.
            share: how much of the work that is; None if the count says it.
            always: show it in a log, too, even if its last line is less than ten seconds old.
        """
        self._done, self._parts = done, list(parts)
        self._share = share if share is not None else done / self._total if self._total else 1.0
        now = time.monotonic()
        if self._live is None and (always or now - self._printed >= _EVERY):
            self._printed = now
            line = _BETWEEN.join([self._count(), *self._parts])
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def fitted(count: str, parts: Sequence[str], width: int) -> tuple[int, str]:
    """What a line of so many columns has room for: columns of the bar (0 for none), and the text.

    The first part is worth more than the bar, the bar more than the others; the count comes before everything.
    """
    line, least = count, 0
    for number, part in enumerate(parts):
        longer = line + _BETWEEN + part
        if len(longer) + least > width:
            continue
        line = longer
        if number == 0 and len(line) + 1 + _BAR[0] <= width:
            least = 1 + _BAR[0]
    room = width - len(line) - 1
    return (min(room, _BAR[1]) if least else 0), line
