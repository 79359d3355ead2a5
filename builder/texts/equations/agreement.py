"""Whether the two sides of an equation agree, as far as the digits shown go."""

from enum import Enum
from fractions import Fraction

from builder.texts.equations.expressions import Node, Number, Operation, Unary
from builder.texts.equations.values import NoValueError, Reading, evaluate, nodes, values


class Agreement(Enum):
    """The outcome of a comparison; `NEAR` is too close to be called false where operands were rounded."""

    HOLDS = "holds"
    NEAR = "near"
    FAILS = "fails"
    UNREAD = "unread"


_ABOUT = Fraction(1, 20)
_ROUNDED = 8  # operands


def agreement(left: Node, right: Node, about: bool = False) -> Agreement:
    """Compare all readings of both sides; they agree if two readings do.

    A lone number is taken as rounded or truncated to the places it shows. Near is what the rounding of the decimals
    that were calculated with can explain; where the text says "approximately", 5 % is equal.
    """
    lefts, rights = values(left), values(right)
    if not lefts or not rights:
        return Agreement.UNREAD
    unit = _last_place(left, right)
    pairs = [(a, b) for a in lefts for b in rights]
    if any(a == b or abs(a - b) < (unit / 100 if _percents(left, right, a, b) else unit) for a, b in pairs):
        return Agreement.HOLDS
    if about and any(_within(a, b, _ABOUT) or abs(a - b) <= unit for a, b in pairs):
        return Agreement.HOLDS
    slacks = (_slack(left), _slack(right))
    if None in slacks:
        return Agreement.UNREAD
    slack = sum(filter(None, slacks))
    if slack and any(abs(a - b) <= slack + unit for a, b in pairs):
        return Agreement.NEAR
    return Agreement.FAILS


def _last_place(left: Node, right: Node) -> Fraction:
    """The worth of the last place shown by a side that is a lone number, 0 if neither is."""
    shown = [lone.places for side in (left, right) if (lone := _lone(side)) is not None]
    return Fraction(1, 10 ** max(shown)) if shown else Fraction(0)


def _lone(node: Node) -> Number | None:
    while isinstance(node, Unary) and node.op == "-":
        node = node.of
    return node if isinstance(node, Number) else None


def _percents(left: Node, right: Node, a: Fraction, b: Fraction) -> bool:
    """Whether the values are hundredths of a lone percentage, whose last place is worth a hundredth."""
    lone = [side for side in (_lone(left), _lone(right)) if side is not None and side.percent]
    return any(abs(value) == side.value / 100 for side in lone for value in (a, b))


def _within(a: Fraction, b: Fraction, share: Fraction) -> bool:
    return abs(a - b) <= share * max(abs(a), abs(b))


def _slack(node: Node) -> Fraction | None:
    """How far a calculated value moves where each operand that looks rounded moves by its last place.

    None if there are too many to say.
    """
    if isinstance(node, Number):
        return Fraction(0)
    rounded = [part for part in nodes(node) if isinstance(part, Number) and _looks_rounded(part)]
    if len(rounded) > _ROUNDED:
        return None
    slack = Fraction(0)
    for part in rounded:
        moved = Number(part.value + Fraction(1, 10**part.places), part.places, part.percent)
        try:
            slack += abs(evaluate(_replaced(node, part, moved), Reading()) - evaluate(node, Reading()))
        except NoValueError:
            return None
    return slack


def _looks_rounded(number: Number) -> bool:
    """33.3 and 0.67 do, 0.3, 2.5 and 9.95 do not."""
    if number.places == 1:
        return number.value > 1 and int(number.value * 10) % 10 in (3, 6, 7)
    return number.places > 1 and (number.value * 20).denominator != 1


def _replaced(node: Node, old: Number, new: Number) -> Node:
    if node is old:
        return new
    match node:
        case Operation(op, left, right):
            return Operation(op, _replaced(left, old, new), _replaced(right, old, new))
        case Unary(op, of):
            return Unary(op, _replaced(of, old, new))
    return node


def is_remainder(left: Node, right: Node, remainder: Fraction) -> bool | None:
    """Whether `a / b = quotient remainder r` holds for whole numbers; None where it is none of those."""
    quotient = _lone(right)
    match left:
        case Operation("/", Number(above, 0, False), Number(below, 0, False)) if quotient is not None and below:
            return above == below * quotient.value + remainder and remainder < below
    return None
