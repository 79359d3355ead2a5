"""Units: whether the two sides of an equation may be about different things, or one unit's multiple of another."""

import re

from builder.texts.equations.expressions import Operation
from builder.texts.equations.reading import Reading
from builder.texts.equations.values import values
from builder.texts.equations.words import FACTORS, MEASURE

_AROUND = 120  # characters in which a unit may be named
_LARGE = 60  # a factor such as 60 or 100 is believed of a unit that is named nearby, a smaller one is not
_MONEY = re.compile(r"[$£€¥]\s?\.?\d|¢|₹")


def other_units(reading: Reading) -> bool:
    """Whether a conversion or a price may stand behind an equation whose numbers do not agree."""
    left = {_stem(word) for word in reading.left.units}
    right = {_stem(word) for word in _units_behind(reading)}
    if "^" in left | right:  # 3 m^3 may be (3 m)^3
        return True
    sums = isinstance(reading.left.node, Operation) and reading.left.node.op in ("+", "-")
    if sums and left and (_is_price(reading) or (right and not left & right)):
        return True
    measures = {word for word in left if MEASURE.fullmatch(word)}, {word for word in right if MEASURE.fullmatch(word)}
    if sums and measures[0] and len(left) > 1:  # 4 pounds - 6 ounces
        return True
    if measures[0] and measures[0] == measures[1]:
        return False
    ratios = [max(a / b, b / a) for a in values(reading.left.node) for b in values(reading.right.node) if a and b]
    if any(measures):
        differ = all(measures) or (left and right and not left & right)
        return any(ratio in FACTORS or (differ and ratio >= 2) for ratio in ratios)
    around = reading.text[max(0, reading.start - _AROUND) : reading.end + _AROUND // 2]
    return MEASURE.search(around) is not None and any(ratio in FACTORS and ratio >= _LARGE for ratio in ratios)


def _is_price(reading: Reading) -> bool:
    """`2 pens + 3 pencils = $7`: money on the right only."""
    sign = reading.tokens[reading.sign].start
    left, right = reading.text[reading.start : sign], reading.text[sign : reading.end]
    return _MONEY.search(right) is not None and _MONEY.search(left) is None


def _units_behind(reading: Reading) -> list[str]:
    """The words of the right side, the first word behind it among them."""
    words = list(reading.right.units)
    at = reading.right.end
    if at < len(reading.tokens) and reading.tokens[at].kind == "word":
        words.append(reading.tokens[at].said)
    return words


def _stem(word: str) -> str:
    return word.removesuffix("s").removesuffix("e")
