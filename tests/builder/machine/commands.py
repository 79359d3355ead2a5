"""A command that ends as it is told to, for the tests of `builder.machine.called`."""

import errno
import os
import time

from builder import errors
from builder.machine import cli


def main(arguments: list[str]) -> int:
    args = _parser().parse_args(arguments)
    for line in args.say:
        print(line, flush=True)
    if args.error:
        raise getattr(errors, args.error)("the seed differs:\n  was 1, is 2, with hf_abcdefghijkl")
    if args.full:
        raise OSError(errno.ENOSPC, "No space left on device", "big.parquet")
    if args.wait:
        print(os.getpid(), flush=True)
        time.sleep(600)
    return 1 // args.defect


def _parser() -> cli.Parser:
    p = cli.parser("python -m commands", "For tests.")
    p.add_argument("--say", nargs="*", default=[])
    p.add_argument("--error")
    p.add_argument("--full", action="store_true")
    p.add_argument("--wait", action="store_true")
    p.add_argument("--defect", type=int, default=2)
    return p
