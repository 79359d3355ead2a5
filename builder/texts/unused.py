"""Calculations that lead nowhere: `20 - 20 = 0`, and nothing of what follows, the answer least of all, is about 0.

Every equation holds and the answer is right, but this step is no part of the way there: the text has a sum of its own,
or tells another story. What follows a calculation is what is used of it: a number in digits or in words, the answer, or
what can be had from it in the head, rounded, in another unit, or with one other number of the text.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil, floor

from builder.texts.equations.expressions import is_calculated
from builder.texts.equations.reading import Reading, read
from builder.texts.equations.values import values
from builder.texts.final_number import final_number, numbers_in
from builder.texts.working import CONSTANTS, is_algebra, is_among, results, without_notes


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
    unused = []
    for number, equation in enumerate(equations):
        found = _result(equation)
        if found and not answer.is_among(found) and not _is_used(found, text, equations, number):
            unused.append(text[equation.start : equation.end])
    return unused


def _result(equation: Reading) -> list[Fraction]:
    """What a calculation comes to; empty where an equation says something else ("4 subjects = 186 + 62")."""
    if is_calculated(equation.right.node) or not is_calculated(equation.left.node):
        return []
    return [abs(value) for value in values(equation.right.node)]


def _is_used(found: list[Fraction], text: str, equations: list[Reading], number: int) -> bool:
    """Whether something behind an equation is its result, or follows from it unsaid."""
    behind = {*map(abs, numbers_in(text[equations[number].end :]))}
    near = {of for value in found for of in (value, Fraction(floor(value)), Fraction(ceil(value)))}
    if any(is_among(value, behind) for value in near):
        return True
    before = {*map(abs, numbers_in(text[: equations[number].end]))}
    said = behind - before - {value for later in equations[number + 1 :] for value in results(later)}
    in_the_head = {of for value in found for of in _with_one_other(value, before | behind)}
    in_the_head.add(sum({value for earlier in equations[: number + 1] for value in _result(earlier)}, Fraction(0)))
    units = {of for value in found for of in _in_other_units(value)}
    return any(is_among(value, in_the_head) for value in said) or bool(units & behind)


def _with_one_other(value: Fraction, others: Iterable[Fraction]) -> Iterator[Fraction]:
    for other in others:
        found = {value + other, abs(value - other), value * other}
        found |= {dividend / divisor for dividend, divisor in ((value, other), (other, value)) if divisor}
        yield from found - {other}  # with 0 or 1 nothing is calculated


def _in_other_units(value: Fraction) -> Iterator[Fraction]:
    return (of for constant in CONSTANTS if constant > 7 for of in (value * constant, value / constant))
