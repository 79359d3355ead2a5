"""Calculations that lead nowhere: `20 - 20 = 0`, and nothing of what follows, the answer least of all, is about 0.

Every equation holds and the answer is right, but this step is no part of the way there: the text has a sum of its own,
or tells another story. What follows a calculation is what is used of it: a number in digits or in words, the answer, or
what can be had from it in the head, rounded, in another unit, or with one other number of the text.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from builder.texts.equations.expressions import is_calculated
from builder.texts.equations.reading import Reading, read
from builder.texts.equations.values import values
from builder.texts.final_number import SCALES, final_number, numbers_in
from builder.texts.working import CONSTANTS, ROUNDING, is_algebra, results, without_notes

_UNITS = sorted(constant for constant in CONSTANTS if constant > 7)
_NEVER = -1


def unused_results(text: str) -> list[str]:
    """The equations of a text whose results are used nowhere; empty where it is algebra or states no number.

    Args:
        text: of a candidate.
    """
    text = without_notes(text)
    answer = final_number(text)
    if answer is None or is_algebra(text):
        return []
    equations = list(read(text))
    numbers = _Numbers(text, equations)
    earlier: set[Fraction] = set()
    unused = []
    for place, equation in enumerate(equations):
        found = _result(equation)
        earlier.update(found)
        if found and not answer.is_among(found) and not _is_used(found, sum(earlier, Fraction(0)), numbers, place):
            unused.append(text[equation.start : equation.end])
    return unused


def _result(equation: Reading) -> list[Fraction]:
    """What a calculation comes to; empty where an equation says something else ("4 subjects = 186 + 62")."""
    if is_calculated(equation.right.node) or not is_calculated(equation.left.node):
        return []
    return [abs(value) for value in values(equation.right.node)]


def _is_used(found: list[Fraction], total: Fraction, numbers: "_Numbers", place: int) -> bool:
    """Whether something behind an equation is its result, or follows from it unsaid; `total` is of all so far."""
    near = {of for value in found for of in (value, Fraction(floor(value)), Fraction(ceil(value)))}
    if any(numbers.stand_behind(value, place) for value in near):
        return True
    units = (of for value in found for unit in _UNITS for of in (value * unit, value / unit))
    if any(numbers.last.get(of, _NEVER) > place for of in units):
        return True
    return any(
        low <= total <= high or any(numbers.lead_to(low, high, value) for value in found)
        for said in numbers.said_behind(place)
        for low, high in _taken_for(said)
    )


def _taken_for(number: Fraction) -> Iterator[tuple[Fraction, Fraction]]:
    """What a number may stand for, from and to: itself, as per cent or not, and what it is a rounding of."""
    yield from ((number * scale, number * scale) for scale in SCALES)
    if number.denominator != 1:
        yield number - ROUNDING, number + ROUNDING


class _Numbers:
    """The numbers of a text without their signs, and where they stand: place n is up to the end of equation n.

    Attributes:
        last: the last place of each.
    """

    def __init__(self, text: str, equations: Sequence[Reading]) -> None:
        ends = [0, *(equation.end for equation in equations), len(text)]
        first: dict[Fraction, int] = {}
        self.last: dict[Fraction, int] = {}
        for place, (start, end) in enumerate(pairwise(ends)):
            for number in map(abs, numbers_in(text[start:end])):
                first.setdefault(number, place)
                self.last[number] = place
        self._all = sorted(first)
        self._first = first
        self._last_result = {value: place for place, equation in enumerate(equations) for value in results(equation)}

    def stand_behind(self, value: Fraction, place: int) -> bool:
        """Whether a number stands behind a place."""
        return any(self.last[of] > place for low, high in _taken_for(value) for of in self._between(low, high))

    def said_behind(self, place: int) -> Iterator[Fraction]:
        """The numbers that stand behind a place alone, and that no equation there comes to."""
        return (
            number for number, first in self._first.items() if first > place >= self._last_result.get(number, _NEVER)
        )

    def lead_to(self, low: Fraction, high: Fraction, value: Fraction) -> bool:
        """Whether a value and one number of the text make something between two bounds, and not that number again."""
        if not value:
            return False  # it makes nothing new
        others = (
            *self._between(low - value, high - value),
            *self._between(value - high, value - low),
            *self._between(value + low, value + high),
            *self._between(low / value, high / value),
            *self._between(low * value, high * value),
            *(self._between(value / high, value / low) if low > 0 else self._all),
        )
        return any(low <= made <= high and made != other for other in others for made in _made_of(value, other))

    def _between(self, low: Fraction, high: Fraction) -> list[Fraction]:
        return self._all[bisect_left(self._all, low) : bisect_right(self._all, high)]


def _made_of(value: Fraction, other: Fraction) -> Iterator[Fraction]:
    """What two numbers make, neither of them 0 where it divides."""
    yield from (value + other, abs(value - other), value * other, other / value)
    if other:
        yield value / other
