"""What a person sees while a build runs: rows by stage, tokens per second, time left."""

import time
from collections import deque
from typing import TYPE_CHECKING

from builder.display import Display
from builder.journal import Progress
from builder.records import STAGES

if TYPE_CHECKING:
    from rich.console import Console

_WINDOW = 60.0  # seconds that the token rate is averaged over


class ProgressDisplay(Display):
    """What a build shows.

    Args:
        console: where to show it.
        total: rows of the build.
        most_samples: candidates if every row needs both phases.
        start: what earlier sessions have done.
    """

    def __init__(self, console: "Console", total: int, most_samples: int, start: Progress) -> None:
        super().__init__(console, total, "rows", start.rows)
        self._most, self._start = most_samples, start
        self._seen: deque[tuple[float, int]] = deque([(self._began, start.sampled_tokens)])

    def show(self, now: Progress) -> None:
        """Show the latest counts."""
        clock = time.monotonic()
        self._seen.append((clock, now.sampled_tokens))
        while clock - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        self._show(now.rows, describe(now, self._rate(), self._left(now, clock)))

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


class MergeDisplay(Display):
    """What a merge shows: rows of all configs together."""

    def __init__(self, console: "Console", total: int) -> None:
        super().__init__(console, total, "rows")
        self._done = 0

    def advance(self, rows: int) -> None:
        """So many more rows are written."""
        self._done += rows
        seconds = time.monotonic() - self._began
        left = time_left(seconds, self._done, self._total - self._done, 0, 0)
        self._show(self._done, f"{self._done / seconds:,.0f} rows/s | {left}")


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
