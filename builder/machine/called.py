"""A command in a process of its own, called from Python: `call("builder.build", ["--target", ...])`.

A command needs what a notebook or a server cannot give away: the main thread, signals, no event loop around it, a
`__main__` that worker processes may import, and steps that are forked before anything else runs. So it gets all of
that, and the caller gets its lines, and its errors as exceptions.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from builder import errors
from builder.errors import InputError, MindTheGapError
from builder.machine import cli, processes
from builder.machine.interrupts import interrupt_when_terminated

_POLL_SECONDS = 0.1
_SHOWN = 10  # last lines of a command that says nothing else of its end


def call(module: str, arguments: Sequence[str], say: Callable[[str], None]) -> None:
    """Run a command to its end. It does not outlive this process; an interrupt ends it.

    Args:
        module: that has the command's `main(arguments)`.
        arguments: of the command.
        say: is given its lines, without their ends, as they come.

    Raises:
        MindTheGapError: of the class that the command raised.
        KeyboardInterrupt: the caller was interrupted; the command has come to its end.
    """
    with tempfile.TemporaryDirectory(prefix="mind-the-gap-") as folder:
        log, fault = Path(folder, "log"), Path(folder, "fault.json")
        path = os.pathsep.join(entry for entry in sys.path if entry)  # what is found here is found there
        command = [sys.executable, "-m", __name__, str(fault), module, *arguments]
        lines = _Lines(log)
        child = processes.spawn(command, log, {"PYTHONPATH": path})
        try:
            while child.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(_POLL_SECONDS)
                lines.pass_on(say)
        finally:
            processes.stop(child)
            lines.pass_on(say)
        if code := child.poll():
            raise _error(code, module, fault, log)


class _Lines:
    """The lines of a file that grows."""

    def __init__(self, file: Path) -> None:
        self._file, self._read = file, 0

    def pass_on(self, say: Callable[[str], None]) -> None:
        """What has come since, as far as its lines are complete, without secrets."""
        with self._file.open("rb") as content:
            content.seek(self._read)
            whole, newline, _ = content.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        for line in whole.decode(errors="replace").split("\n") if newline else ():
            say(processes.mask(line))


def _error(code: int, module: str, fault: Path, log: Path) -> MindTheGapError:
    """What a command has ended with."""
    if fault.exists():
        name, message = json.loads(fault.read_text(encoding="utf-8"))
        return getattr(errors, name)(processes.mask(message))
    last = "\n".join(processes.tail(log, _SHOWN))
    if code == InputError.exit_code and "error: " in last:  # of the command line
        return InputError(last.rpartition("error: ")[2])
    return MindTheGapError(f"{module} ended with exit code {code}:\n{last}")


def main() -> int:
    """In the process: run the command, and note the error that it raises."""
    fault, module, *arguments = sys.argv[1:]
    try:
        with cli.explained():
            return importlib.import_module(module).main(arguments)
    except MindTheGapError as error:
        Path(fault).write_text(json.dumps([type(error).__name__, str(error)]), encoding="utf-8")
        return error.exit_code


if __name__ == "__main__":
    interrupt_when_terminated()
    cli.run(main)
