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
    """A redrawn bar on a terminal, a line now and then in a log.

    Args:
        console: where to show it.
        total: rows of the build.
        most_samples: candidates if every row needs both phases.
        start: what earlier sessions have done.
    """

    def __init__(self, console: "Console", total: int, most_samples: int, start: Progress) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        self._console, self._total, self._most, self._start = console, total, most_samples, start
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
        text = describe(now, self._rate(), self._left(now, clock))
        if self._bar:
            self._bar.update(self._task, completed=now.rows, description=text)
        elif clock - self._printed >= _EVERY:
            self._printed = clock
            self._console.print(f"{now.rows}/{self._total} rows  {text}", highlight=False, soft_wrap=True)

    def _rate(self) -> float:
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        return (last - first) / (ended - began) if ended > began else 0.0

    def _left(self, now: Progress, clock: float) -> str:
        return time_left(
            clock - self._began,
            now.rows - self._start.rows,
            self._total - now.rows,
            now.candidates - self._start.candidates,
            self._most - now.candidates,
        )


def time_left(seconds: float, rows: int, rows_left: int, samples: int, samples_left: int) -> str:
    """How long the rest takes, in words, from what `seconds` of this session have brought.

    Before the first rows are finished, samples give an upper bound: not every row will need its second phase.
    """
    if not rows_left:
        return "all rows finished"
    if rows:
        return f"{duration(seconds * rows_left / rows)} left"
    if samples:
        return f"at most {duration(seconds * samples_left / samples)} left"
    return "time left unknown yet"


def describe(now: Progress, rate: float, left: str) -> str:
    """One line: rows by stage, samples drawn, tokens per second and time left."""
    stages = " ".join(f"{stage.split('_')[0]} {now.stages.get(stage, 0)}" for stage in STAGES)
    return f"{stages} | {now.candidates:,} samples, {rate:,.0f} tokens/s | {left}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: `1 h 05 min`, `12 min`, `40 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
