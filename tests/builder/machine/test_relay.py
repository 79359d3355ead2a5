"""What a person sees of a command's lines."""

import io

import pytest

from builder.machine.relay import Relay

LINES = (
    "to do: 20 rows | and more",
    "3/20 rows | 40 s left | solving 3",
    "1,203/2,000 rows | 5 s left",
    "writing the release",
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Cell(io.StringIO):
    """The output of a notebook's cell."""


Cell.__module__ = "ipykernel.iostream"


def seen(text):
    """What stays on a screen where a carriage return goes back to the first column."""
    screen = []
    for line in text.split("\n"):
        columns = []
        for part in line.split("\r"):
            columns[: len(part)] = part
        screen.append("".join(columns).rstrip())
    return screen


@pytest.mark.parametrize("stream", [Terminal, Cell])
def test_progress_is_one_line_that_is_written_over(stream):
    shown, output = [], stream()
    relay = Relay(output)
    for line in LINES:
        relay(line)
        shown.append(seen(output.getvalue()))
    assert shown[1] == [LINES[0], LINES[1]]
    assert shown[2] == [LINES[0], LINES[2]]
    assert shown[3] == [LINES[0], LINES[3], ""]


def test_a_long_line_of_progress_is_cut_between_its_parts():
    output = Cell()
    Relay(output)(" | ".join(["3/20 rows", "40 s left", "x" * 90, "self 3"]))
    assert output.getvalue() == "3/20 rows | 40 s left | self 3"


def test_a_log_keeps_every_line():
    output = io.StringIO()
    relay = Relay(output)
    for line in LINES:
        relay(line)
    assert output.getvalue().splitlines() == list(LINES)
