r"""Integers against integers, decided without math-verify: what most answers to word problems and contests are.

Only what leaves nothing to interpret: `12` or `-7`, the answer in a box. No leading zeros, no plus, no commas, no
units. math-verify says the same (`tests/builder/verification/test_integers.py`), and takes hundreds of times as long.
"""

import re
from typing import Literal

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,29}")
_BOXED = re.compile(rf"\\boxed\{{({_INTEGER.pattern})\}}")


def is_integer(gold: str) -> bool:
    """Whether a gold answer is an integer, which can always be compared with."""
    return _INTEGER.fullmatch(gold) is not None


def integer_verdict(gold: str, answer: str) -> Literal["correct", "incorrect"] | None:
    r"""The verdict on an answer text as `graded_text` gives it; None where not both are integers."""
    boxed = _BOXED.fullmatch(answer)
    if not boxed or not is_integer(gold):
        return None
    return "correct" if boxed[1] == gold else "incorrect"
