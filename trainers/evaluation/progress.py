"""What a person sees while samples are drawn: how many, tokens per second, time left."""

import time
from types import TracebackType
from typing import TYPE_CHECKING

from builder.progress import duration

if TYPE_CHECKING:
    from rich.console import Console

_EVERY = 10.0  # seconds between lines where there is no terminal to redraw


class SamplingDisplay:
    """A redrawn bar on a terminal, a line now and then in a log.

    Args:
        console: where to show it.
        total: problems to be asked.
    """

    def __init__(self, console: "Console", total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._console, self._total = console, total
        self._began = self._printed = time.monotonic()
        self._done = self._known = 0
        self._bar = None
        if console.is_terminal:
            columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=console)
            self._task = self._bar.add_task("starting", total=total)

    def __enter__(self) -> "SamplingDisplay":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def note(self, drawn_tokens: int) -> None:
        """One more problem has all its samples; so far this session has drawn `drawn_tokens`."""
        clock = time.monotonic()
        self._done += 1
        if not drawn_tokens:  # an earlier session drew its samples: that says nothing about the pace
            self._known = self._done
        text = describe(self._done - self._known, self._total - self._known, drawn_tokens, clock - self._began)
        if self._bar:
            self._bar.update(self._task, completed=self._done, description=text)
        elif clock - self._printed >= _EVERY or self._done == self._total:
            self._printed = clock
            self._console.print(f"{self._done}/{self._total} problems  {text}", highlight=False, soft_wrap=True)


def describe(done: int, total: int, tokens: int, seconds: float) -> str:
    """One line: tokens, tokens per second and time left, from what `seconds` of this session have brought."""
    if done == total:
        left = "all problems sampled"
    elif done:
        left = f"{duration(seconds * (total - done) / done)} left"
    else:
        left = "time left unknown yet"
    return f"{tokens:,} tokens, {tokens / seconds:,.0f} tokens/s | {left}" if seconds else left
