import io
import itertools

import pytest
from rich.console import Console

from builder.machine.display import Display, PaceDisplay, duration, fitted, pace_on_stderr, time_left
from trainers.evaluation.progress import SamplingDisplay

PARTS = ["at most 12 min left", "solving 31, retelling 8, scoring 2", "148/412 samples", "4,120 tokens/s"]


def shown(display, width):
    """The line as a terminal of so many columns shows it, without its bar."""
    out = io.StringIO()
    Console(file=out, force_terminal=True, width=width, color_system=None).print(display)
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    assert len(lines[0].rstrip()) <= width
    return lines[0].strip("━╸╺ ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.6, "1 min 00 s"), (61, "1 min 01 s"), (3900, "1 h 05 min"), (90000, "25 h 00 min")],
)
def test_durations_as_a_person_says_them(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.1, "5 s left"),
        (58, "1 min 00 s left"),
        (133, "2 min 10 s left"),
        (626, "10 min left"),
        (14170, "3 h 56 min left"),
        (None, "time left unknown yet"),
    ],
)
def test_time_left_is_no_more_exact_than_it_is_known(seconds, words):
    assert time_left(seconds) == words


@pytest.mark.parametrize("width", [45, 60, 80, 100, 200])
@pytest.mark.parametrize("count", ["0/60 rows", "12/60 rows", "12,345/50,000 rows"])
def test_the_count_and_what_comes_first_have_room_in_every_terminal(width, count):
    bar, line = fitted(count, PARTS, width)
    assert line.startswith(f"{count} | at most 12 min left")
    assert len(line) + (bar + 1 if bar else 0) <= width
    assert bar == 0 or 8 <= bar <= 24


def test_what_matters_less_goes_first():
    assert fitted("12/60 rows", PARTS, 200) == (24, " | ".join(["12/60 rows", *PARTS]))
    assert fitted("12/60 rows", PARTS, 80) == (10, " | ".join(["12/60 rows", *PARTS[:2]]))
    assert fitted("12/60 rows", PARTS, 60) == (9, " | ".join(["12/60 rows", PARTS[0], PARTS[2]]))
    assert fitted("12/60 rows", PARTS, 35) == (0, "12/60 rows | at most 12 min left")
    assert fitted("12/60 rows", PARTS, 20) == (0, "12/60 rows")


def test_a_display_fits_the_terminal_that_it_has_now():
    display = Display(Console(file=io.StringIO()), 60, "rows")
    display._show(12, PARTS)
    assert shown(display, 60) == "12/60 rows | at most 12 min left | 148/412 samples"
    assert shown(display, 35) == "12/60 rows | at most 12 min left"
    assert shown(display, 8) == "12/60 r…"


def test_a_log_gets_everything_but_only_now_and_then():
    out = io.StringIO()
    with Display(Console(file=out, width=80), 60, "rows") as display:
        display._show(12, PARTS)
        assert out.getvalue() == ""
        display._show(12, PARTS, always=True)
    assert out.getvalue() == "12/60 rows | " + " | ".join(PARTS) + "\n"


def test_a_terminal_keeps_the_last_line():
    out = io.StringIO()
    with Display(Console(file=out, force_terminal=True, width=60), 60, "rows") as display:
        display._show(60, ["all rows finished"])
    assert "60/60 rows | all rows finished" in out.getvalue()


@pytest.fixture
def ticking(monkeypatch):
    """A clock that moves on by ten seconds whenever it is read."""
    monkeypatch.setattr("time.monotonic", itertools.count(0.0, 10.0).__next__)


@pytest.mark.parametrize("width", [60, 80])
def test_an_evaluation_says_how_far_it_is_and_how_long_it_takes(width, ticking):
    display = SamplingDisplay(Console(file=io.StringIO()), 4)
    for tokens in (0, 100, 250):
        display.note(tokens)
    line = shown(display, width)
    assert line.startswith("3/4 problems | 25 s left | ")
    assert line.endswith(("tokens/s", "tokens"))
    display.note(400)
    assert shown(display, width).startswith("4/4 problems | all problems sampled")


@pytest.mark.parametrize("width", [60, 80])
def test_a_merge_says_how_far_it_is(width, ticking):
    display = PaceDisplay(Console(file=io.StringIO()), 100_000, "rows", "all rows written")
    display.advance(50_000)
    assert shown(display, width).startswith("50,000/100,000 rows | 10 s left")
    display.advance(50_000)
    assert shown(display, width).startswith("100,000/100,000 rows | all rows written")


def test_a_share_says_how_long_it_takes_where_nobody_knows_the_total(ticking):
    display = PaceDisplay(Console(file=io.StringIO()), None, "rows", "all rows read")
    display.advance(1_000, 0.25)
    assert shown(display, 80) == "1,000 rows | 30 s left | 100 rows/s"
    display.advance(3_000, 1.0)
    assert shown(display, 80).startswith("4,000 rows | all rows read")


def test_nothing_is_shown_where_nobody_looks(capsys):
    with pace_on_stderr(10, "rows", "all rows read") as advance:
        advance(10)
        advance(10, 1.0)
    assert capsys.readouterr() == ("", "")
