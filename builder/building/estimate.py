"""How long the rest of a build takes, from the work that is left and what such work has taken so far.

What is left is counted in samples: those of rows still to be solved, those of rows still to be retold (as large a share
as needed it so far), and texts still to be scored. What a sample takes is measured from the first answer on, over the
recent past. Until then nothing is known, and shortly after it little: an engine that serves everything at once answers
nothing for a while, and then all. So those that are in flight with the first are assumed to follow it within as long
again, until it has had the time to show otherwise. Only what the engine answered in this session counts: what an
earlier one has left in the journal passes at once, and makes nothing look fast.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from builder.config import Sampling
from builder.journal.journal import Progress
from builder.journal.work import Work

SOLVE, RETELL, SCORE = STEPS = ("solve", "retell", "score")  # as the pipeline names them
_WEIGHTS = {SOLVE: 1.0, RETELL: 1.0, SCORE: 0.1}  # a text is read much faster than it is written; until it is known
_TEXTS = 2.0  # scored a row, until it is known
# Seconds of the recent past that count: its later half, within these bounds, but always a few answers' time.
_SHORTEST, _LONGEST, _WAITS = 60.0, 1800.0, 4
_NOTHING = Work()


@dataclass(frozen=True)
class Left:
    """What is left of a build.

    Attributes:
        samples: still to be drawn, as far as can be told.
        seconds: until all rows are finished; None while nothing is known about the pace.
        at_most: whether it is not known yet how much of that work there will be.
        done: share of the build's work that is behind it.
    """

    samples: float
    seconds: float | None
    at_most: bool
    done: float


class Estimate:
    """Follows one build through one session.

    Args:
        rows: of the whole build.
        sampling: how many candidates are drawn.
        finished: rows finished by earlier sessions.
    """

    def __init__(self, rows: int, sampling: Sampling, finished: Progress) -> None:
        self._rows, self._sampling = rows, sampling
        self._paces = {step: _Pace() for step in STEPS}  # each while nothing of an earlier step was in flight
        self.begin(finished)

    def begin(self, finished: Progress) -> None:
        """A run of the pipeline begins, with so much finished; what the last one was about to do is lost."""
        self._finished, self._work, self._clock = finished, dict.fromkeys(STEPS, _NOTHING), None
        self._busy: str | None = None

    def note(self, clock: float, work: Mapping[str, Work]) -> None:
        """Take in what this run has done by now, in seconds of any clock that only moves on."""
        before, self._work = self._work, {step: work.get(step, _NOTHING) for step in STEPS}
        seconds = 0.0 if self._clock is None else clock - self._clock
        self._clock = clock
        # What was in flight at any time in between, and what has come of it.
        flying = {step: self._work[step].asked - before[step].answered for step in STEPS}
        answers = {step: self._work[step].answered - before[step].answered for step in STEPS}
        self._wait(seconds, flying, before)
        self._busy = self._charged(flying, before)
        if self._busy == SCORE:
            self._paces[SCORE].add(seconds, answers[SCORE], flying[SCORE])
        elif self._busy and (self._paces[self._busy].answers or answers[SOLVE] + answers[RETELL]):  # texts are no start
            self._paces[self._busy].add(seconds, _weighed(answers), _weighed(flying))

    def _wait(self, seconds: float, flying: Mapping[str, int], before: Mapping[str, Work]) -> None:
        """Steps without an answer have waited so much longer for their first."""
        for step, pace in self._paces.items():
            if flying[step] and not before[step].answered and not pace.answers:
                pace.wait += seconds
                if self._paces[SOLVE].answers:  # longer than solving did: then it waited behind others
                    pace.wait = min(pace.wait, self._paces[SOLVE].wait)

    def _charged(self, flying: Mapping[str, int], before: Mapping[str, Work]) -> str | None:
        """The step whose pace a moment tells about: the earliest in flight; with none, the last that was."""
        step = next((step for step in STEPS if flying[step]), self._busy)
        alone = self._paces[RETELL].answers or not before[RETELL].answered
        if step == RETELL and self._paces[SOLVE].answers and not alone:
            return SOLVE  # both went on side by side before: this is the rest of the same, not a new beginning
        return step

    def left(self) -> Left:
        """What is left by now."""
        share = self._share()
        means = {SOLVE: self._mean(SOLVE), RETELL: self._mean(RETELL), SCORE: self._texts()}
        units = {SOLVE: self._samples(SOLVE, 1, means), RETELL: self._samples(RETELL, share, means)}
        units[SCORE] = (self._unfinished - self._work[SCORE].left) * means[SCORE]
        whole = self._rows * (means[SOLVE] + share * means[RETELL] + _WEIGHTS[SCORE] * means[SCORE])
        rest = _weighed(units)
        samples = units[SOLVE] + units[RETELL]
        return Left(samples, self._seconds(units, share), self._at_most(), max(0.0, 1 - rest / whole) if whole else 1.0)

    @property
    def _unfinished(self) -> int:
        """Rows that this run has to do."""
        return self._rows - self._finished.rows

    def _share(self) -> float:
        """Of rows, how many need retelling; until anything is known, all of them."""
        retell = self._work[RETELL]
        needed = self._finished.rows - self._finished.stages.get("self_alignment", 0) + retell.needed
        return (needed + 1) / (self._finished.rows + retell.came + 1)

    def _mean(self, step: str) -> float:
        """Samples of a row that needs them; until anything is known, all candidates."""
        most, work = self._sampling.candidates, self._work[step]
        return (work.served_samples + most) / (work.served + 1) if self._sampling.adaptive else most

    def _texts(self) -> float:
        """Texts of a row that have to be scored."""
        work = self._work[SCORE]
        return (work.answered + _TEXTS) / (work.left + 1)

    def _samples(self, step: str, share: float, means: Mapping[str, float]) -> float:
        """Samples that rows at a step have yet to get, and those that rows to come will need."""
        work = self._work[step]
        rows = (self._unfinished - work.came) * share + work.needed - work.served
        return max(0.0, rows * means[step] - (work.samples - work.served_samples))

    def _at_most(self) -> bool:
        retell, adaptive = self._work[RETELL], self._sampling.adaptive
        unknown_share = not self._finished.rows + retell.came
        return unknown_share or (adaptive and not (self._work[SOLVE].served and (retell.served or not retell.needed)))

    def _seconds(self, units: Mapping[str, float], share: float) -> float | None:
        """As long as all the work takes, or the last row on its way; None if nothing was measured that tells."""
        if not any(units.values()):
            return 0.0
        solving, retelling, scoring = (self._paces[step] for step in STEPS)
        sampling = retelling if retelling.answers and not (units[SOLVE] and solving.answers) else solving
        samples = units[SOLVE] + units[RETELL]
        if not (sampling.answers or (scoring.answers and not samples)):
            return None
        cost = solving.cost()
        if sampling is retelling:
            cost = retelling.cost(cost)
        text = _WEIGHTS[SCORE] * cost
        if scoring.answers:
            text = scoring.cost(text)
        return max(samples * cost + units[SCORE] * text, self._last_row(units, share, cost, sampling.wait))

    def _last_row(self, units: Mapping[str, float], share: float, cost: float, wait: float) -> float:
        """How long the last row is on its way, however little work it is: at each step it has to wait."""
        here, to_come = units[SOLVE] or units[RETELL], _WEIGHTS[SCORE]
        if units[SOLVE]:  # it may have to be retold
            to_come += min(1.0, share * (self._unfinished - self._work[SOLVE].left))
        return to_come * wait + (max(here * cost, wait / 2) if here else 0.0)


def _weighed(units: Mapping[str, float]) -> float:
    return sum(_WEIGHTS[step] * count for step, count in units.items())


class _Pace:
    """How fast the engine is: its wait for the first answer, and seconds an answer from then on."""

    def __init__(self) -> None:
        self.wait, self.answers = 0.0, 0.0
        self._company = 0.0  # what was in flight when the first was answered
        self._spent, self._since = 0.0, 0.0  # seconds and answers since then
        self._recent: deque[tuple[float, float]] = deque()  # the same over the recent past

    def add(self, seconds: float, answers: float, flying: float) -> None:
        """So many seconds brought so many answers, of so many that were in flight."""
        first = not self.answers
        self.answers += answers
        if first:
            self._company = flying
            return
        self._spent, self._since = self._spent + seconds, self._since + answers
        self._recent.append((self._spent, self._since))
        window = max(_SHORTEST, _WAITS * self.wait, min(self._spent / 2, _LONGEST))
        while self._spent - self._recent[0][0] > window:
            self._recent.popleft()

    def cost(self, assumed: float = 0.0) -> float:
        """Seconds an answer, lately; 0 before the first.

        Args:
            assumed: what it probably is; 0 if there is nothing to go by but the wait for the first answer.
        """
        if not self.answers:
            return 0.0
        early = self._spent / (2 * self.wait) if self.wait else 1.0
        weight = self._company / 4 * max(0.0, 1 - early)
        spent, answers = self._recent[0] if self._recent and not weight else (0.0, 0.0)
        if self._since == answers:  # none lately
            spent, answers = 0.0, 0.0
        seconds, count = self._spent - spent, self._since - answers
        if not count + weight:  # only the first
            return (self.wait + self._spent) / self.answers
        return (seconds + weight * (assumed or self.wait / self._company)) / (count + weight)
