"""How far something has come: a redrawn line with a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

_EVERY = 10.0  # seconds between lines where there is no terminal to redraw
_BAR = (8, 24)  # columns of the bar, at least and at most
BETWEEN = " | "


def plain_table(*columns: str, left: int = 1) -> "Table":
    """An empty table without lines: the first `left` columns are words, the others numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right", no_wrap=True)
    return table


def from_here(path: Path) -> str:
    """A path as one would type it in this directory."""
    here = Path.cwd()
    return str(path.absolute().relative_to(here) if path.absolute().is_relative_to(here) else path)


class Display:
    """Shows a count out of a total, and what is said about it. The base of what builds and evaluations show.

    What is said comes in parts, the most important first: a terminal shows as many of them as it has room for, and the
    count always.

    Args:
        console: where to show it.
        total: what the count goes up to; None if nobody knows.
        unit: what is counted, in the plural.
        done: the count at the beginning.
    """

    def __init__(self, console: "Console", total: int | None, unit: str, done: int = 0) -> None:
        from rich.live import Live

        self._console, self._total, self._unit = console, total, unit
        self._began = self._printed = time.monotonic()
        self._done, self._parts, self._share = done, ["starting"], self._share_of(done)
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
        return f"{self._done:,}{f'/{self._total:,}' if self._total is not None else ''} {self._unit}"

    def _share_of(self, done: int) -> float:
        return done / self._total if self._total else float(self._total == 0)

    def _show(self, done: int, parts: Sequence[str], *, share: float | None = None, always: bool = False) -> None:
        """Show a count and what is said about it.

        Args:
            done: the count.
            parts: what is said, the most important first.
            share: how much of the work that is; None if the count says it.
            always: show it in a log, too, even if its last line is less than ten seconds old.
        """
        self._done, self._parts = done, list(parts)
        self._share = share if share is not None else self._share_of(done)
        now = time.monotonic()
        if self._live is None and (always or now - self._printed >= _EVERY):
            self._printed = now
            line = BETWEEN.join([self._count(), *self._parts])
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class PaceDisplay(Display):
    """Shows work of an even pace: a count, the time left, the count a second.

    Args:
        console: where to show it.
        total: what the count goes up to; None if nobody knows.
        unit: what is counted, in the plural.
        finished: what is said at the end.
    """

    def __init__(self, console: "Console", total: int | None, unit: str, finished: str) -> None:
        super().__init__(console, total, unit)
        self._finished = finished

    def advance(self, more: int, share: float | None = None) -> None:
        """So many more are done; `share` is how much of the work that makes, if the count does not say it."""
        done, seconds = self._done + more, time.monotonic() - self._began
        share = self._share_of(done) if share is None else share
        rate = done / seconds if seconds else 0.0
        self._show(done, [left_at_pace(share, seconds, self._finished), f"{rate:,.0f} {self._unit}/s"], share=share)


@contextmanager
def pace_on_stderr(total: int | None, unit: str, finished: str) -> Iterator[Callable[..., None]]:
    """`PaceDisplay.advance` of a display on stderr; one that does nothing if that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda more, share=None: None
        return
    from rich.console import Console

    with PaceDisplay(Console(stderr=True), total, unit, finished) as display:
        yield display.advance


def fitted(count: str, parts: Sequence[str], width: int) -> tuple[int, str]:
    """What a line of so many columns has room for: columns of the bar (0 for none), and the text.

    The first part is worth more than the bar, the bar more than the others; the count comes before everything.
    """
    line, least = count, 0
    for number, part in enumerate(parts):
        longer = line + BETWEEN + part
        if len(longer) + least > width:
            continue
        line = longer
        if number == 0 and len(line) + 1 + _BAR[0] <= width:
            least = 1 + _BAR[0]
    room = width - len(line) - 1
    return (min(room, _BAR[1]) if least else 0), line


def left_at_pace(share: float, seconds: float, finished: str) -> str:
    """How long the rest takes if `share` of the work took so many seconds; `finished` if there is no rest."""
    return finished if share == 1.0 else time_left(seconds * (1 - share) / share if share else None)


def time_left(seconds: float | None, *, at_most: bool = False) -> str:
    """How long the rest takes, in words, no more exact than it is known."""
    if seconds is None:
        return "time left unknown yet"
    step = 5 if seconds < 60 else 10 if seconds < 600 else 60
    words = duration(max(step, round(seconds / step) * step))
    if seconds >= 600:
        words = words.removesuffix(" 00 s")
    return f"{'at most ' if at_most else ''}{words} left"


def duration(seconds: float) -> str:
    """Seconds as a person says them: `1 h 05 min`, `12 min`, `40 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
