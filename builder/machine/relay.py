"""The lines of a command, shown in a notebook, on a terminal or in a log: how far it has come in one line."""

import re
import sys
from typing import TextIO

from builder.machine.display import BETWEEN, fitted

_WIDTH = 100  # columns
_COUNTED = re.compile(rf"[\d,]+(?:/[\d,]+)? \w+{re.escape(BETWEEN)}")


class Relay:
    """Writes lines to a stream. One that says how far something has come is written over by the next one, if it can.

    Args:
        stream: a terminal, the output of a notebook's cell, or anything else; None for standard output.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._redraws = self._stream.isatty() or type(self._stream).__module__.startswith("ipykernel")
        self._drawn = 0  # columns of the line that may be written over

    def __call__(self, line: str) -> None:
        """Write a line."""
        passing = self._redraws and _COUNTED.match(line)
        if passing:
            count, *parts = line.split(BETWEEN)
            line = fitted(count, parts, _WIDTH)[1]
        before = "\r" + " " * self._drawn + "\r" if self._drawn else ""
        self._stream.write(f"{before}{line}" if passing else f"{before}{line}\n")
        self._stream.flush()
        self._drawn = len(line) if passing else 0
