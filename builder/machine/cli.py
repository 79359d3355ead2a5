"""What every command line of this package has in common."""

import argparse
import errno
import sys
from collections.abc import Callable
from typing import NoReturn

from builder.errors import MindTheGapError
from builder.machine.processes import mask

# What a machine may lack or forbid; any other OSError is a defect of ours.
_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
}


def parser(prog: str, description: str, epilog: str | None = None) -> argparse.ArgumentParser:
    """A command line whose description and epilog are shown as they are written."""
    return argparse.ArgumentParser(
        prog=prog, description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def run(main: Callable[[], int]) -> NoReturn:
    """Exit with what `main` returns; a MindTheGapError becomes its message on stderr and its own exit code.

    What the machine refuses (room, permission) is one line too. Any other exception is a defect of ours: it passes,
    with its traceback.
    """
    try:
        code = main()
    except MindTheGapError as error:
        print(f"error: {mask(str(error))}", file=sys.stderr)
        code = error.exit_code
    except OSError as error:
        if error.errno not in _MACHINE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or error
        print(f"error: {where}{reason}; the same command continues once that is mended", file=sys.stderr)
        code = 3
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)
