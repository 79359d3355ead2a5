"""What a person sees while a build runs: rows, time left, the phases that rows are in, samples and tokens."""

import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from builder.building.estimate import RETELL, SCORE, SOLVE, STEPS, Estimate, Left
from builder.config import Sampling
from builder.journal.journal import Progress
from builder.journal.work import Work
from builder.machine.display import Display, time_left
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
