"""Whole builds played with a made-up clock: what the estimate said at each moment, against what came true."""

import heapq
import random
from dataclasses import dataclass

import pytest

from builder.building.estimate import RETELL, SCORE, SOLVE, STEPS, Estimate
from builder.config import Sampling
from builder.journal.journal import Progress
from builder.journal.work import Work

FIXED, ADAPTIVE = Sampling(candidates=4), Sampling(candidates=4, scheme="adaptive")
NOTHING = Progress({}, 0, 0, 0)


@dataclass(frozen=True)
class Stay:
    """One row at one step: from when to when, with how many samples, and whether the engine had to draw them."""

    begun: float
    ended: float
    samples: int
    drawn: bool


def played(rows, slots, seconds, *, retold=0.5, at_once=False, known=0, drawn=lambda rng: 4):
    """Stays by step and row, of an engine with so many slots that serves first what comes first.

    Args:
        rows: of the build.
        slots: samples that are drawn side by side, each as fast as if it were alone.
        seconds: by step, the least and the most that a sample takes.
        retold: share of rows that need it.
        at_once: whether no row goes on before all are through with a step.
        known: rows whose samples are in the journal already.
        drawn: how many samples a row needs.
    """
    rng = random.Random(0)
    free = [0.0] * slots
    stays = {step: {} for step in STEPS}
    waiting = [(0.0, 0, row) for row in range(rows)]
    while waiting:
        begun, number, row = heapq.heappop(waiting)
        step = STEPS[number]
        count = {SOLVE: drawn(rng), RETELL: drawn(rng) * (rng.random() < retold), SCORE: 2}[step]
        ends = [begun]
        for _ in range(count if row >= known or step == SCORE else 0):
            ends.append(max(begun, heapq.heappop(free)) + rng.uniform(*seconds[step]))
            heapq.heappush(free, ends[-1])
        stays[step][row] = Stay(begun, max(ends), count, len(ends) > 1)
        everybody = [stay.ended for stay in stays[step].values()]
        if number < 2 and not at_once:
            heapq.heappush(waiting, (max(ends), number + 1, row))
        elif number < 2 and len(everybody) == rows:
            waiting = [(max(everybody), number + 1, row) for row in range(rows)]
    return stays


def work_at(stays, now):
    """What the journal says at a moment."""

    def count(some, *, samples=False):
        return sum(stay.samples if samples else 1 for stay in some)

    found = {}
    for step in STEPS:
        came = [stay for stay in stays[step].values() if stay.begun <= now]
        left = [stay for stay in came if stay.ended <= now]
        needed, served = ([stay for stay in some if stay.samples and step != SCORE] for some in (came, left))
        found[step] = Work(
            came=count(came),
            left=count(left),
            needed=count(needed),
            served=count(served),
            samples=count(served, samples=True),
            served_samples=count(served, samples=True),
            asked=count((stay for stay in came if stay.drawn), samples=True),
            answered=count((stay for stay in left if stay.drawn), samples=True),
        )
    return found


def told(stays, sampling=FIXED, finished=NOTHING):
    """(share of the time gone, seconds that were left, what the estimate said), all the time."""
    rows = len(stays[SOLVE]) + finished.rows
    end = max(stay.ended for stay in stays[SCORE].values())
    estimate = Estimate(rows, sampling, finished)
    for second in range(0, int(end) + 1, max(1, int(end / 400))):
        estimate.note(float(second), work_at(stays, second))
        yield second / end, end - second, estimate.left()


def worst(said, after, slack=30.0):
    """How many times too long or too short the estimate was at worst, from a share of the time on."""
    factors = [1.0]
    for gone, truth, left in said:
        if gone >= after:
            assert left.seconds is not None, f"nothing is known at {gone:.0%}"
            factors.append((max(left.seconds, truth) + slack) / (min(left.seconds, truth) + slack))
    return max(factors)


# All 60 rows are solved at once, for three minutes; then most are retold, then all are scored.
SMALL = {"rows": 60, "slots": 240, "seconds": {SOLVE: (30, 180), RETELL: (30, 120), SCORE: (5, 30)}}


def test_a_small_build_whose_rows_go_through_each_phase_together():
    stays = played(**SMALL, retold=2 / 3, at_once=True)
    said = list(told(stays))
    assert [left.seconds for _, _, left in said[:30]] == [None] * 30  # nothing was answered
    assert worst(said, after=0.25, slack=20) < 2
    assert all(left.at_most for gone, _, left in said if gone < 0.5)
    # Meanwhile there is no row to go by for most of the time: the first says hours when half a minute is left.
    end, first = (choose(stay.ended for stay in stays[SCORE].values()) for choose in (max, min))
    assert first > 0.9 * end
    assert 59 * first > 100 * (end - first)


@pytest.mark.parametrize("retold", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("slots", [1, 8, 64, 240])
def test_engines_that_serve_rows_one_by_one_or_all_at_once(slots, retold):
    said = list(told(played(**SMALL | {"slots": slots}, retold=retold)))
    assert worst(said, after=0.3) < 2.7


@pytest.mark.parametrize("retold", [0.1, 0.5, 1.0])
def test_while_it_is_not_known_how_many_rows_need_retelling_the_most_is_said(retold):
    said = [left for _, truth, left in told(played(60, 8, SMALL["seconds"], retold=retold, at_once=True))]
    (first, *_) = [left for left in said if left.seconds is not None]
    assert first.at_most
    assert first.samples > 400
    assert not said[-1].at_most


def test_a_long_build_is_told_closely_from_early_on():
    seconds = {SOLVE: (5, 40), RETELL: (5, 40), SCORE: (0.2, 1)}
    assert worst(told(played(1500, 128, seconds, retold=0.3)), after=0.05, slack=60) < 1.5


def test_what_is_in_the_journal_already_makes_nothing_look_fast():
    seconds = SMALL["seconds"]
    stays = played(300, 16, seconds, known=200)
    end = max(stay.ended for stay in stays[SCORE].values())
    said = list(told(stays))
    assert worst(said, after=0.2, slack=60) < 2
    assert said[2][2].samples < 300 * 4 * 1.5 - 200 * 4  # they count as done, though
    assert end < max(stay.ended for stay in played(300, 16, seconds)[SCORE].values())


def test_rows_of_earlier_sessions_tell_how_many_need_retelling():
    finished = Progress({"self_alignment": 90, "guided_alignment": 5, "fallback": 5}, 0, 0, 480)
    said = list(told(played(60, 16, SMALL["seconds"], retold=0.1), finished=finished))
    assert 60 * 4 < said[0][2].samples < 60 * 4 * 1.2
    assert not said[0][2].at_most
    assert 0.6 < said[0][2].done < 0.7
    assert worst(said, after=0.2) < 2.2


def test_adaptive_sampling_draws_fewer():
    stays = played(300, 32, SMALL["seconds"], drawn=lambda rng: rng.choice([1, 1, 1, 2, 4]))
    said = list(told(stays, ADAPTIVE))
    assert said[0][2].at_most
    assert said[0][2].samples == 300 * 4 * 2
    assert worst(said, after=0.2) < 2.5
    drawn = sum(stay.samples for step in (SOLVE, RETELL) for stay in stays[step].values())
    gone, truth, left = next((gone, truth, left) for gone, truth, left in said if gone > 0.7)
    assert not left.at_most
    now = work_at(stays, truth * gone / (1 - gone))
    assert 0.75 * drawn < left.samples + now[SOLVE].samples + now[RETELL].samples < drawn / 0.75


def test_a_pipeline_that_is_started_again_keeps_what_is_known_of_the_pace():
    stays = played(60, 8, SMALL["seconds"])
    estimate = Estimate(60, FIXED, NOTHING)
    for second in range(1000):
        estimate.note(float(second), work_at(stays, second))
    before = estimate.left()
    estimate.begin(NOTHING)
    estimate.note(2000.0, {})  # a long time later: nobody was at work
    after = estimate.left()
    assert after.seconds > before.seconds
    assert after.seconds == pytest.approx(before.seconds * after.samples / before.samples, rel=0.3)


def test_an_engine_that_answers_everything_between_two_looks():
    estimate = Estimate(10, FIXED, NOTHING)
    solved = Work(came=10, left=10, needed=10, served=10, samples=40, served_samples=40, asked=40, answered=40)
    estimate.note(0.0, {})
    estimate.note(1.0, {SOLVE: solved})
    assert 0 < estimate.left().seconds < 10
    scored = Work(came=10, left=10, asked=20, answered=20)
    estimate.note(2.0, {SOLVE: solved, RETELL: Work(came=10, left=10), SCORE: scored})
    assert (estimate.left().seconds, estimate.left().done) == (0.0, 1.0)


def test_a_build_without_rows_has_nothing_left():
    left = Estimate(0, FIXED, NOTHING).left()
    assert (left.samples, left.seconds, left.done) == (0, 0.0, 1.0)
