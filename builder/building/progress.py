"""What a person sees while a build runs: rows, time left, the phases that rows are in, samples and tokens."""

import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from builder.building.estimate import RETELL, SCORE, SOLVE, STEPS, Estimate, Left
from builder.config import Sampling
from builder.journal.journal import Progress
from builder.journal.work import Work
from builder.machine.display import Display
from builder.release.records import STAGES

if TYPE_CHECKING:
    from rich.console import Console

_WINDOW = 60.0  # seconds that the token rate is averaged over
_PHASES = {SOLVE: "solving", RETELL: "retelling", SCORE: "scoring"}
_NEXT = ((SOLVE, RETELL), (RETELL, SCORE))
_NOTHING = Work()


class ProgressDisplay(Display):
    """What a build shows.

    Args:
        console: where to show it.
        total: rows of the build.
        sampling: how many candidates are drawn.
        start: what earlier sessions have done.
    """

    def __init__(self, console: "Console", total: int, sampling: Sampling, start: Progress) -> None:
        super().__init__(console, total, "rows", start.rows)
        self._estimate = Estimate(total, sampling, start)
        self._seen: deque[tuple[float, int]] = deque([(self._began, start.sampled_tokens)])

    def begin(self, now: Progress) -> None:
        """A run of the pipeline begins."""
        self._estimate.begin(now)

    def show(self, now: Progress, work: Mapping[str, Work]) -> None:
        """Show the latest counts: of the build, and of this run's steps."""
        clock = time.monotonic()
        self._seen.append((clock, now.sampled_tokens))
        while clock - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        self._estimate.note(clock, work)
        left = self._estimate.left()
        done = self._total == now.rows
        share = 1.0 if done else min(left.done, 0.99)
        self._show(now.rows, describe(now, work, left, self._rate(), finished=done), share=share)

    def _rate(self) -> float:
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        return (last - first) / (ended - began) if ended > began else 0.0


class MergeDisplay(Display):
    """What a merge shows: rows of all configs together."""

    def __init__(self, console: "Console", total: int) -> None:
        super().__init__(console, total, "rows")

    def advance(self, rows: int) -> None:
        """So many more rows are written."""
        done, seconds = self._done + rows, time.monotonic() - self._began
        rate = done / seconds if seconds else 0.0
        left = "all rows written" if done == self._total else time_left((self._total - done) / rate if rate else None)
        self._show(done, [left, f"{rate:,.0f} rows/s"])


def describe(now: Progress, work: Mapping[str, Work], left: Left, rate: float, *, finished: bool) -> list[str]:
    """What is said beside the row count, the most important first.

    Time left; rows by phase; samples drawn, of those expected; tokens per second; rows finished by stage; what the
    steps of this run have done.
    """
    if finished:
        parts = ["all rows finished", f"{now.candidates:,} samples"]
    else:
        expected = now.candidates + round(left.samples)
        more = f"{now.candidates:,}/{expected:,}" if expected > now.candidates else f"{now.candidates:,}"
        parts = [time_left(left.seconds, at_most=left.at_most), phases(work) if work else "starting", f"{more} samples"]
    stages = " ".join(f"{stage.split('_')[0]} {now.stages.get(stage, 0)}" for stage in STAGES)
    return [*parts, f"{rate:,.0f} tokens/s", stages, *between(work), *samples(work)]


def phases(work: Mapping[str, Work]) -> str:
    """Rows by the phase that they are in."""
    rows = {_PHASES[step]: work[step].at_work for step in STEPS if step in work}
    return ", ".join(f"{phase} {count:,}" for phase, count in rows.items() if count > 0) or "between phases"


def between(work: Mapping[str, Work]) -> list[str]:
    """Rows that have left one phase and wait for room in the next."""
    rows = sum(max(0, work.get(step, _NOTHING).left - work.get(after, _NOTHING).came) for step, after in _NEXT)
    return [f"between phases {rows:,}"] if rows else []


def samples(work: Mapping[str, Work]) -> list[str]:
    """What this run has asked for, got and judged, by phase."""
    said = []
    for step in (SOLVE, RETELL):
        if (done := work.get(step, _NOTHING)).asked:
            said.append(f"{_PHASES[step]}: {done.asked:,} asked, {done.answered:,} answered, {done.judged:,} judged")
    if (done := work.get(SCORE, _NOTHING)).asked:
        said.append(f"{_PHASES[SCORE]}: {done.asked:,} asked, {done.answered:,} answered")
    return said


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
