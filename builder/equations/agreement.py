"""Whether the two sides of an equation agree, as far as the digits shown go."""

from enum import Enum
from fractions import Fraction

from builder.equations.expressions import Node, Number, Operation, Unary
from builder.equations.values import nodes, values


class Agreement(Enum):
    """The outcome of a comparison; `NEAR` is too close to be called false where operands were rounded."""

    HOLDS = "holds"
    NEAR = "near"
    FAILS = "fails"
    UNREAD = "unread"


_NEARLY = Fraction(1, 100)
_ABOUT = Fraction(1, 20)


def agreement(left: Node, right: Node, about: bool = False) -> Agreement:
    """Compare all readings of both sides; they agree if two readings do.

    A lone number is taken as rounded or truncated to the places it shows. Where decimals were calculated with, 1 %
    is near; where the text says "approximately", 5 % is equal.
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
    if _decimals(left, right) and any(_within(a, b, _NEARLY) for a, b in pairs):
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


def _decimals(*sides: Node) -> bool:
    return any(isinstance(part, Number) and part.places for side in sides for part in nodes(side))


def is_remainder(left: Node, right: Node, remainder: Fraction) -> bool | None:
    """Whether `a / b = quotient remainder r` holds for whole numbers; None where it is none of those."""
    quotient = _lone(right)
    match left:
        case Operation("/", Number(above, 0, False), Number(below, 0, False)) if quotient is not None and below:
            return above == below * quotient.value + remainder and remainder < below
    return None
