r"""What an equation may claim: `x = 5` names the five, `2 + 3 = 5` computes it, `x + 1 = 5` and `2 = 5` do neither.

math-verify compares the right side of an answer's equation with the gold answer, whatever stands on its left.
"""

import re
from collections.abc import Callable
from typing import Any

_NAMED = re.compile(r"\s*\\?(?:min|max|gcd|lcm|deg|dim|operatorname)(?![A-Za-z])|\s*\\(?:min|max|gcd)_")


def claims_no_value(answer: Any, equal: Callable[[Any, Any], bool], text: str) -> bool:
    r"""Whether it is an equation whose left side is neither a name nor equal to its right side.

    Args:
        answer: as math-verify has parsed it; an equation, a chain, or a set of them may be one.
        equal: whether two expressions are equal.
        text: what was parsed; `\min(x + y) = 5` is a name that sympy no longer shows.
    """
    if _NAMED.match(text):
        return False
    return any(not (_is_name(side.lhs) or equal(side.rhs, side.lhs)) for side in _equations(answer))


def states_equation(answer: Any) -> bool:
    """Whether what math-verify has parsed is an equation, or holds one."""
    return bool(_equations(answer))


def _equations(answer: Any) -> list[Any]:
    from sympy import And, Eq, FiniteSet

    if isinstance(answer, Eq):
        return [answer]
    if isinstance(answer, And | FiniteSet):
        return [equation for argument in answer._unsorted_args for equation in _equations(argument)]
    return []


def _is_name(side: Any) -> bool:
    r"""Whether it names a quantity: `x_1`, `f(2)`, `AB`, `a/b`, `|z|`, `\sin A`, a sum or a limit left as it is."""
    from sympy import Abs, Derivative, Integral, Limit, Mul, Pow, Product, Sum, Symbol, ceiling, floor, log
    from sympy.core.function import AppliedUndef
    from sympy.functions.elementary.trigonometric import TrigonometricFunction

    if isinstance(side, Mul):
        return all(map(_is_name, side.args))
    if isinstance(side, Pow):
        return side.exp == -1 and _is_name(side.base)
    if isinstance(side, Abs):
        return _is_name(side.args[0])
    named = AppliedUndef, Derivative, Integral, Limit, Product, Sum, Symbol, TrigonometricFunction, ceiling, floor, log
    return isinstance(side, named)
