import io
import itertools

import pytest
from rich.console import Console

from builder.building.estimate import Left
from builder.building.progress import ProgressDisplay, describe
from builder.config import Sampling
from builder.journal.journal import Progress
from builder.journal.work import Work
from builder.machine.display import time_left

SAMPLING = Sampling(candidates=4)
NOTHING = Progress({}, 0, 0, 0)
NOW = Progress({"self_alignment": 3, "fallback": 1}, 5000, 100, 40)
WORK = {
    "solve": Work(came=30, left=20, asked=120, answered=80, judged=72),
    "retell": Work(came=18, left=12, asked=24, answered=16, judged=12),
    "score": Work(came=10, left=9, asked=18, answered=17),
}
LEFT = Left(samples=60.4, seconds=130.0, at_most=False, done=0.4)


def test_one_line_says_the_most_important_first():
    assert describe(NOW, WORK, LEFT, 123.4, finished=False) == [
        "2 min 10 s left",
        "solving 10, retelling 6, scoring 1",
        "40/100 samples",
        "123 tokens/s",
        "self 3 guided 0 fallback 1",
        "between phases 4",
        "solving: 120 asked, 80 answered, 72 judged",
        "retelling: 24 asked, 16 answered, 12 judged",
        "scoring: 18 asked, 17 answered",
    ]


def test_a_bound_is_called_one_and_a_start_and_an_end_are_told():
    bound = Left(samples=480.0, seconds=None, at_most=True, done=0.0)
    assert describe(NOTHING, {}, bound, 0.0, finished=False)[:3] == [
        "time left unknown yet",
        "starting",
        "0/480 samples",
    ]
    assert time_left(130, at_most=True) == "at most 2 min 10 s left"
    waiting = {"solve": Work(came=2, left=2)}
    assert describe(NOTHING, waiting, bound, 0.0, finished=False)[1] == "between phases"
    assert describe(NOW, WORK, LEFT, 0.0, finished=True)[:2] == ["all rows finished", "40 samples"]


def line(width, show):
    """What a terminal of so many columns shows."""
    out = io.StringIO()
    display = ProgressDisplay(Console(file=io.StringIO()), 60, SAMPLING, NOTHING)
    show(display)
    Console(file=out, force_terminal=True, width=width, color_system=None).print(display)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80])
def test_rows_and_time_left_are_there_in_a_narrow_terminal(width, monkeypatch):
    monkeypatch.setattr("time.monotonic", itertools.count(0.0, 30.0).__next__)

    def show(display):
        display.show(NOTHING, {})
        display.show(NOTHING, {"solve": Work(came=60, needed=60, asked=240)})
        solving = Work(came=60, left=20, needed=60, served=20, samples=80, served_samples=80, asked=240, answered=80)
        display.show(Progress({"self_alignment": 12}, 5000, 100, 80), {"solve": solving})

    assert "12/60 rows | at most " in line(width, show)
    assert " min " in line(width, show)
    assert ("samples" in line(width, show)) == (width == 80)


def test_a_log_gets_a_line_only_now_and_then():
    out = io.StringIO()
    with ProgressDisplay(Console(file=out), 10, SAMPLING, NOTHING) as display:
        for _ in range(5):
            display.show(NOTHING, {})
    assert out.getvalue() == ""


def test_a_terminal_shows_rows_done_by_earlier_sessions():
    out = io.StringIO()
    start = Progress({"fallback": 4}, 0, 0, 0)
    with ProgressDisplay(Console(file=out, force_terminal=True, width=120), 10, SAMPLING, start) as display:
        display.begin(start)
        display.show(Progress({"fallback": 5}, 100, 0, 8), {})
    assert "4/10 rows" in out.getvalue()
    assert "5/10 rows" in out.getvalue()
