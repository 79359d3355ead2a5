import io
import itertools

import pytest
from rich.console import Console

from builder.building.progress import MergeDisplay
from builder.machine.display import Display, fitted
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
    display = MergeDisplay(Console(file=io.StringIO()), 100_000)
    display.advance(50_000)
    assert shown(display, width).startswith("50,000/100,000 rows | 10 s left")
    display.advance(50_000)
    assert shown(display, width).startswith("100,000/100,000 rows | all rows written")
