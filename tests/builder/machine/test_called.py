"""Commands in processes of their own: their lines, and their errors as exceptions."""

import os
import signal

import psutil
import pytest

from builder import errors
from builder.machine.called import call


def called(*arguments, say=lambda line: None):
    call("tests.builder.machine.commands", arguments, say)


def test_lines_come_in_order():
    said = []
    called("--say", "one", "", "hf_abcdefghijkl", "grün", say=said.append)
    assert said == ["one", "", "hf_***", "grün"]


@pytest.mark.parametrize("name", ["InputError", "UnfinishedError", "EngineError"])
def test_an_error_is_the_one_that_was_raised(name):
    with pytest.raises(errors.MindTheGapError) as raised:
        called("--error", name)
    assert type(raised.value) is getattr(errors, name)
    assert str(raised.value) == "the seed differs:\n  was 1, is 2, with hf_***"


def test_a_full_disk_is_an_error_of_the_machine():
    with pytest.raises(errors.MachineError, match=r"big\.parquet: No space left on device; the same command continues"):
        called("--full")


def test_a_wrong_command_line_is_wrong_input():
    with pytest.raises(errors.InputError, match=r"^unknown argument --sya; did you mean --say\?; python -m commands"):
        called("--sya")


def test_a_defect_shows_where_it_is():
    with pytest.raises(errors.MindTheGapError, match="ZeroDivisionError"):
        called("--defect", "0")


def test_an_interrupt_ends_the_command():
    began = []

    def interrupt(line):
        if line.isdigit():
            began.append(int(line))
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        called("--wait", say=interrupt)
    assert len(began) == 1
    assert not psutil.pid_exists(began[0])
