"""What a person sees while a build runs: rows by stage, tokens per second, time left."""

import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING

from builder.journal import Progress
from builder.records import STAGES

if TYPE_CHECKING:
    from rich.console import Console

_WINDOW = 60.0  # seconds that the token rate is averaged over
_EVERY = 10.0  # seconds between lines where there is no terminal to redraw


class ProgressDisplay:
    """A redrawn bar on a terminal, a line now and then in a log."""

    def __init__(self, console: "Console", total: int, start: Progress) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        self._console, self._total, self._start = console, total, start
        self._began = time.monotonic()
        self._seen: deque[tuple[float, int]] = deque([(self._began, start.sampled_tokens)])
        self._printed = self._began
        self._bar = None
        if console.is_terminal:
            columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Bar(*columns, console=console)
            self._task = self._bar.add_task("starting", total=total, completed=start.rows)

    def __enter__(self) -> "ProgressDisplay":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, now: Progress) -> None:
        """Show the latest counts."""
        clock = time.monotonic()
        self._seen.append((clock, now.sampled_tokens))
        while clock - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        text = describe(now, self._total, self._rate(), self._seconds_left(now, clock))
        if self._bar:
            self._bar.update(self._task, completed=now.rows, description=text)
        elif clock - self._printed >= _EVERY:
            self._printed = clock
            self._console.print(f"{now.rows}/{self._total} rows  {text}", highlight=False, soft_wrap=True)

    def _rate(self) -> float:
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        return (last - first) / (ended - began) if ended > began else 0.0

    def _seconds_left(self, now: Progress, clock: float) -> float | None:
        done = now.rows - self._start.rows
        return (self._total - now.rows) * (clock - self._began) / done if done else None


def describe(now: Progress, total: int, rate: float, seconds_left: float | None) -> str:
    """One line: rows by stage, samples drawn, tokens per second and time left."""
    stages = " ".join(f"{stage.split('_')[0]} {now.stages.get(stage, 0)}" for stage in STAGES)
    if now.rows >= total:
        left = "writing"
    elif seconds_left is None:
        left = "time left unknown yet"
    else:
        left = f"{duration(seconds_left)} left"
    return f"{stages} | {now.candidates:,} samples, {rate:,.0f} tokens/s | {left}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: `1 h 05 min`, `12 min`, `40 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
