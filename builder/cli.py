"""What every command line of this package has in common."""

import sys
from collections.abc import Callable
from typing import NoReturn

from builder.errors import MindTheGapError


def run(main: Callable[[], int]) -> NoReturn:
    """Exit with what `main` returns; a MindTheGapError becomes its message on stderr and its own exit code.

    Any other exception is a defect of ours: it passes, with its traceback.
    """
    try:
        code = main()
    except MindTheGapError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)
