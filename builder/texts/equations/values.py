"""What expressions are worth: exactly, in every reading that their notation leaves open."""

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import NamedTuple

from builder.texts.equations.expressions import Node, Number, Operation, Unary

_BITS = 1_024  # of a numerator or denominator
_EXPONENT = 64


class Reading(NamedTuple):
    """How the notation is taken.

    `percent`: `hundredth` (20% is 0.2), `plain` (20% is 20 points) or `left` (100 - 20% is 80). `mixed`: whether a
    whole number before a LaTeX fraction is added to it or multiplied. `tight`: whether a juxtaposed factor or a
    fraction binds more tightly than a slash before it, as some write 6/2(3) and 6 / 1/3.
    """

    percent: str = "hundredth"
    mixed: bool = True
    tight: bool = False


class NoValueError(Exception):
    """Too large, an irrational root, or a division by zero."""


def values(node: Node) -> list[Fraction]:
    """The values of an expression in all its readings, the usual one first; empty if it has none."""
    found: dict[Fraction, None] = {}
    for reading in _readings(node):
        try:
            found[evaluate(node, reading)] = None
        except NoValueError:
            continue
    return list(found)


def nodes(node: Node) -> Iterator[Node]:
    """An expression and all its parts."""
    yield node
    match node:
        case Operation(_, left, right):
            yield from nodes(left)
            yield from nodes(right)
        case Unary(_, of):
            yield from nodes(of)


def _readings(node: Node) -> Iterator[Reading]:
    parts = list(nodes(node))
    operations = {part.op for part in parts if isinstance(part, Operation)}
    percents = any(isinstance(part, Number) and part.percent for part in parts)
    for choice in product(
        ("hundredth", "plain", "left") if percents else ("hundredth",),
        (True, False) if "mixed" in operations else (True,),
        (False, True) if "()" in operations or _divides_twice(parts) else (False,),
    ):
        yield Reading(*choice)


def _divides_twice(parts: list[Node]) -> bool:
    return any(
        isinstance(part, Operation) and part.op == "/" and isinstance(part.left, Operation) and part.left.op == "/"
        for part in parts
    )


def evaluate(node: Node, reading: Reading) -> Fraction:
    """The value in one reading.

    Raises:
        NoValueError: it has none, or none of a reasonable size.
    """
    match node:
        case Number(value, _, percent):
            return value / 100 if percent and reading.percent != "plain" else value
        case Unary("-", of):
            return -evaluate(of, reading)
        case Unary("()", of):
            return evaluate(of, reading)
        case Unary(_, of):
            return _root(evaluate(of, reading))
        case Operation("()" | "/" as op, Operation("/", above, below), right) if reading.tight:
            below_all = Operation("*" if op == "()" else "/", below, right)
            return _apply("/", evaluate(above, reading), evaluate(below_all, reading))
        case Operation("+" | "-" as op, left, Number(value, _, True)) if reading.percent == "left":
            whole = evaluate(left, reading)
            return _apply(op, whole, whole * value / 100)
        case Operation("mixed", left, right):
            return _apply("+" if reading.mixed else "*", evaluate(left, reading), evaluate(right, reading))
        case Operation(op, left, right):
            return _apply("*" if op == "()" else op, evaluate(left, reading), evaluate(right, reading))
    raise NoValueError


def _apply(op: str, left: Fraction, right: Fraction) -> Fraction:
    if op == "/" and not right:
        raise NoValueError
    match op:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case "/":
            result = left / right
        case _:
            result = _power(left, right)
    if max(result.numerator.bit_length(), result.denominator.bit_length()) > _BITS:
        raise NoValueError
    return result


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > _EXPONENT or (not base and exponent <= 0):
        raise NoValueError
    return base ** int(exponent)


def _root(value: Fraction) -> Fraction:
    if value < 0:
        raise NoValueError
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if (top * top, bottom * bottom) != (value.numerator, value.denominator):
        raise NoValueError
    return Fraction(top, bottom)
