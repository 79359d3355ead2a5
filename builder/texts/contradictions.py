"""Texts that state two different answers: a pure function of the text."""

import re
from fractions import Fraction

from builder.texts.answers import hash_number
from builder.texts.boxes import box_groups
from builder.texts.stated import stated_answers

_NAME_BEFORE = re.compile(r"(?P<name>[A-Za-z](?:_\{?\w+\}?)?)\s*=\s*\$?\s*\Z")
_PART_BEFORE = re.compile(
    r"\(\s*(?P<part>[a-h]|i{1,3}|iv|v)\s*\)[^()]{0,300}\Z|\b[Pp]art\s+(?P<named>\w+)[^()]{0,300}\Z"
)
_NUMBER = re.compile(
    r"(?P<sign>[-+]?)\\?\$?(?:(?P<whole>\d{1,30})(?P<decimals>\.\d{1,30})?|(?P<n>\d{1,18})/(?P<d>\d{1,18})"
    r"|\\[dt]?frac\{(?P<fn>\d{1,18})\}\{(?P<fd>\d{1,18})\})\s*(?P<percent>\\?%)?"
)


def contradicts_itself(text: str) -> bool:
    """Whether a text states an answer twice, as different numbers ("the answer is 20 ... the final answer of 23").

    Only single numbers are compared; 0.333 and 1/3, and 20 % and 0.2, are the same. Answers under different names
    (`x = ...`, `y = ...`) or to different parts of a problem do not contradict each other.
    """
    seen: dict[str, list[tuple[Fraction, Fraction]]] = {}
    for position, value in stated_numbers(text):
        others = seen.setdefault(_context(text, position), [])
        if any(not _agree(value, other) for other in others):
            return True
        others.append(value)
    return False


def stated_numbers(text: str) -> list[tuple[int, tuple[Fraction, Fraction]]]:
    """Answers that are single numbers: where each is stated, in a box, behind `####` or in words, and what it is.

    Returns:
        Each number with how far a rounding of it may be off.
    """
    boxed = [(group[0].start, group[0].content) for group in box_groups(text) if len(group) == 1]
    hashed = [(text.rindex("####"), number)] if (number := hash_number(text)) else []
    stated = [(answer.position, answer.value) for answer in stated_answers(text) if not answer.words]
    numbers = [(position, _number(value)) for position, value in boxed + hashed + stated]
    return [(position, number) for position, number in numbers if number is not None]


def _context(text: str, position: int) -> str:
    before = text[max(0, position - 320) : position]
    if name := _NAME_BEFORE.search(before):
        return name["name"]
    if part := _PART_BEFORE.search(before):
        return f"({part['part'] or part['named']})"
    return ""


def _number(value: str) -> tuple[Fraction, Fraction] | None:
    """A number and how far a rounding of it may be off; None for anything else."""
    found = _NUMBER.fullmatch(value.replace(",", "").replace(r"\!", "").strip())
    if found is None:
        return None
    if found["whole"]:
        decimals = found["decimals"] or "."
        size = Fraction(found["whole"] + (decimals if len(decimals) > 1 else ""))
        off = Fraction(1, 10 ** (len(decimals) - 1)) if len(decimals) > 1 else Fraction(0)
    else:
        denominator = int(found["d"] or found["fd"])
        if not denominator:
            return None
        size, off = Fraction(int(found["n"] or found["fn"]), denominator), Fraction(0)
    return (-size if found["sign"] == "-" else size), off


def _agree(a: tuple[Fraction, Fraction], b: tuple[Fraction, Fraction]) -> bool:
    off = max(a[1], b[1])
    return any(abs(a[0] * scale - b[0]) <= off for scale in (1, 100, Fraction(1, 100)))
