"""What every command line of this package has in common."""

import argparse
import difflib
import errno
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from builder.errors import MachineError, MindTheGapError
from builder.machine.processes import mask

# What a machine may lack or forbid; any other OSError is a defect of ours.
_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
}


class Parser(argparse.ArgumentParser):
    """A command line that says in one line what is wrong with it, and what it may have meant."""

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2."""
        self.exit(2, f"error: {self._explained(message)}; {self.prog} --help shows every option\n")

    def options(self) -> list[str]:
        """Every flag, as it is written."""
        return [option for action in self._actions for option in action.option_strings]

    def _explained(self, message: str) -> str:
        if found := re.fullmatch(r"unrecognized arguments: (.*)", message):
            unknown = found[1].split()
            return f"unknown argument {' '.join(unknown)}{meant(unknown[0].partition('=')[0], self.options())}"
        if found := re.fullmatch(r"argument (.*): invalid choice: '(.*)' \(choose from (.*)\)", message):
            choices = found[3].replace("'", "")
            return f"{_last(found[1])} {found[2]}: choose from {choices}{meant(found[2], choices.split(', '))}"
        if found := re.fullmatch(r"argument (.*): invalid (\w+) value: '(.*)'", message):
            return f"{_last(found[1])} {found[3]}: {_KINDS.get(found[2], found[2])} is needed"
        return message


def _last(names: str) -> str:
    """Of several names of one flag, the one that it is written with."""
    return names.rpartition("/")[2]


_KINDS = {"int": "a whole number", "float": "a number"}


def meant(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """A question after the word that somebody probably had in mind; empty if nothing is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return f"; did you mean {near[0]}?" if near else ""


def parser(prog: str, description: str, epilog: str | None = None, **options: Any) -> Parser:
    """A command line whose description and epilog are shown as they are written."""
    return Parser(
        prog=prog,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )


@contextmanager
def explained() -> Iterator[None]:
    """What the machine refuses in this block (room, permission) is an error of ours, in one line.

    Raises:
        MachineError: instead of such an OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _MACHINE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or error
        raise MachineError(f"{where}{reason}; the same command continues once that is mended") from None


def run(main: Callable[[], int]) -> NoReturn:
    """Exit with what `main` returns; a MindTheGapError becomes its message on stderr and its own exit code.

    So does what the machine refuses. Any other exception is a defect of ours: it passes, with its traceback.
    """
    try:
        with explained():
            code = main()
    except MindTheGapError as error:
        print(f"error: {mask(str(error))}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)
