import io

import pytest
from rich.console import Console

from builder.journal import Progress
from builder.progress import ProgressDisplay, describe, duration, time_left


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.6, "1 min 00 s"), (61, "1 min 01 s"), (3900, "1 h 05 min"), (90000, "25 h 00 min")],
)
def test_durations_as_a_person_says_them(seconds, words):
    assert duration(seconds) == words


def test_time_left_follows_rows_then_samples_then_nothing():
    assert time_left(60, rows=10, rows_left=20, samples=100, samples_left=100) == "2 min 00 s left"
    assert time_left(60, rows=0, rows_left=20, samples=100, samples_left=50) == "at most 30 s left"
    assert time_left(60, rows=0, rows_left=20, samples=0, samples_left=400) == "time left unknown yet"
    assert time_left(60, rows=0, rows_left=0, samples=0, samples_left=0) == "all rows finished"


def test_one_line_names_all_stages():
    now = Progress({"self_alignment": 3, "fallback": 1}, 5000, 100, 40)
    assert describe(now, 123.4, "1 s left") == "self 3 guided 0 fallback 1 | 40 samples, 123 tokens/s | 1 s left"


def test_a_log_gets_a_line_only_now_and_then():
    out = io.StringIO()
    nothing = Progress({}, 0, 0, 0)
    with ProgressDisplay(Console(file=out), 10, 80, nothing) as display:
        for _ in range(5):
            display.show(nothing)
    assert out.getvalue() == ""


def test_a_terminal_shows_rows_done_by_earlier_sessions():
    out = io.StringIO()
    start = Progress({"fallback": 4}, 0, 0, 0)
    with ProgressDisplay(Console(file=out, force_terminal=True, width=120), 10, 80, start) as display:
        display.show(Progress({"fallback": 5}, 100, 0, 8))
    assert "5/10" in out.getvalue()
