"""`dprime`, the one name of all commands."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

from builder import __version__
from builder.__main__ import COMMANDS


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "builder", *arguments], capture_output=True, text=True, check=False)


def test_it_lists_every_command_with_what_it_is_for():
    said = run().stdout
    for name, module in COMMANDS.items():
        assert find_spec(module), module
        (line,) = (line for line in said.splitlines() if line.split()[:1] == [name])
        assert len(line.split()) > 3, line


def test_a_command_runs_as_it_does_under_its_own_name():
    alone = subprocess.run([sys.executable, "-m", "builder.diff", "--help"], capture_output=True, text=True, check=True)
    assert run("diff", "--help").stdout == alone.stdout
    failed = run("report", "nowhere")
    assert (failed.returncode, failed.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(("wrong", "said"), [("biuld", "did you mean build?"), ("xyzzy", "known: diagnose, build")])
def test_an_unknown_command_is_one_line(wrong, said):
    failed = run(wrong)
    assert failed.returncode == 2
    assert said in failed.stderr
    assert failed.stderr.count("\n") == 1


def test_it_says_its_version():
    assert run("--version").stdout == f"mind-the-gap {__version__}\n"
