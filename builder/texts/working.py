"""The numbers that a text works with: what goes into its equations, and what comes out of them."""

import re
from collections.abc import Iterator, Set
from fractions import Fraction

from builder.texts.equations.expressions import Node, Number, Operation, is_calculated
from builder.texts.equations.reading import Reading
from builder.texts.equations.values import values
from builder.texts.final_number import SCALES

CONSTANTS = frozenset(map(Fraction, (1, 7, 12, 24, 60, 100, 365, 1000)))
ROUNDING = Fraction(1, 100)
_NOTE = re.compile(r"<<[^<>\n]*>>")  # GSM8K's
_ALGEBRA = re.compile(
    r"\\(?!boxed|times|cdot|div|frac|dfrac|text|\$|%|\(|\)|\[|\]|,|;|!)[A-Za-z]+|\^|_\{?\w"
    r"|(?<![A-Za-z'])x\s*=|\dx(?!\s*[\d$(])"
    r"|(?<![A-Za-z'])[A-WYZa-wyz](?![A-Za-z'.])\s*[-+=*/]|[-+=*/(]\s*\d*[A-WYZa-wyz](?![A-Za-z'])"
)


def without_notes(text: str) -> str:
    """The text without GSM8K's `<<2+3=5>>`."""
    return _NOTE.sub("", text)


def is_algebra(text: str) -> bool:
    """Whether it has variables, powers or functions: what its numbers are is then not to be told."""
    return _ALGEBRA.search(text) is not None


def operands(equation: Reading) -> Iterator[Fraction]:
    """The numbers that are calculated with, without their signs."""
    for side in (equation.left, equation.right):
        if is_calculated(side.node):
            yield from _leaves(side.node)


def _leaves(node: Node) -> Iterator[Fraction]:
    if isinstance(node, Number):
        yield abs(node.value)
    elif isinstance(node, Operation):
        yield from _leaves(node.left)
        yield from _leaves(node.right)
    else:
        yield from _leaves(node.of)


def results(equation: Reading) -> Iterator[Fraction]:
    """What it comes to, without signs: the values of each side that is a mere number."""
    for side in (equation.left, equation.right):
        if not is_calculated(side.node):
            yield from map(abs, values(side.node))


def is_among(number: Fraction, known: Set[Fraction]) -> bool:
    """Whether a number is known, or what is known is a rounding of it; 20 % and 0.2 are the same."""
    if any(number * scale in known for scale in SCALES):
        return True
    return number.denominator != 1 and any(abs(other - number) <= ROUNDING for other in known)
