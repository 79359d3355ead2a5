"""When an equation that does not hold may still be right in a way that was not read: it is not judged then."""

import re
from collections.abc import Callable, Iterator
from fractions import Fraction

from builder.equations.agreement import Agreement, agreement
from builder.equations.expressions import Expression, Node, Number, Operation, Unary, parse
from builder.equations.reading import Reading
from builder.equations.values import nodes, values

_BEFORE, _BEHIND = 120, 60  # characters of context that are looked at

_UNTRUE = re.compile(
    r"\b(?:not|no|never|n't|false|wrong(?:ly)?|incorrect(?:ly)?|mistake\w*|errors?|impossible|contradict\w*|absurd"
    r"|instead|suppose|assum\w+|imagine|pretend|hypothe\w+|guess\w*|try|tries|trying|tried|would|whether|unless|does|do"
    r"|did|can|is\sit|are\sthey|mod|modulo|base|clock)\b|n['’]t\b|≡|\\equiv|\\p?mod|✗|✘|❌",
    re.IGNORECASE,
)
_CONCLUSION = re.compile(r"\b(?:so|therefore|thus|hence)\b", re.IGNORECASE)
_HYPOTHESIS = re.compile(r"\bif\b(?![^,]*(?:,|\bthen\b))", re.IGNORECASE)
_ROUGHLY = re.compile(
    r"\b(?:round\w*|approx\w*|about|nearly|roughly|estimat\w*|almost|around|nearest|ceil\w*|floor\w*)\b", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[\n;]|(?<!\d)\.(?=\s)|(?<=\d)\.(?=\s)|[!?](?=\s)")
_JOINING = frozenset("of at with for per each every in to times on by x".split())
_MEASURES = re.compile(
    r"\b(?:sec(?:ond)?|min(?:ute)?|hour|hr|day|week|month|year|decade|cent|dollar|penn(?:y|ies)|dime|nickel|quarter|buck"
    r"|inch|inche|ft|in|foot|feet|yard|yd|mile|mi|meter|metre|km|cm|mm|kilomet(?:er|re)|centimet(?:er|re)|m|gram|g|kg"
    r"|kilogram|kilo|pound|lb|ounce|oz|ton|liter|litre|ml|l|gallon|gal|quart|pint|cup|dozen|pair|couple|hundred|thousand"
    r"|million|billion|trillion|degree|percent|percentage|k)s?\b|%|¢",
    re.IGNORECASE,
)
_FACTORS = frozenset(
    Fraction(*pair)
    for pair in [
        *((n, 1) for n in (2, 3, 4, 5, 7, 8, 10, 12, 14, 16, 20, 24, 25, 28, 30, 31, 32, 36, 48, 50, 52, 60, 64, 90)),
        *((n, 1) for n in (100, 128, 144, 168, 180, 360, 365, 1440, 1760, 2000, 3600, 5280, 86400)),
        *((10**n, 1) for n in range(3, 13)),
    ]
)


def is_doubtful(reading: Reading) -> bool:
    """Whether anything speaks for an equation that does not hold as it was read."""
    return any(doubt(reading) for doubt in _DOUBTS)


def _not_claimed(reading: Reading) -> bool:
    """The sentence denies the equation, supposes it or asks for it."""
    before, behind = _sentence(reading)
    before = _CONCLUSION.split(before)[-1]  # what is denied before "so" is not what follows from it
    if behind.rstrip().endswith("?") or _UNTRUE.search(before) or _UNTRUE.search(behind):
        return True
    return _HYPOTHESIS.search(before) is not None


def _said_roughly(reading: Reading) -> bool:
    """The sentence says that something was rounded."""
    before, behind = _sentence(reading)
    return _ROUGHLY.search(before) is not None or _ROUGHLY.search(behind) is not None


def _runs_on(reading: Reading) -> bool:
    """`3 + 4 = 7 + 5 = 12`: the result is calculated on with before it is let go."""
    return any(_agrees(reading.left.node, part) for part in _beginnings(reading.right.node))


def _is_label(reading: Reading) -> bool:
    """`Day 2 = 3 + 4`: a number that is called something, or solved for, and no result."""
    return not reading.in_chain and not isinstance(_bare(reading.left.node), Operation)


def _is_share(reading: Reading) -> bool:
    """`2/3 = 40`: a proper fraction of something that is not named, or of a unit that another one stands for."""
    for side, other in ((reading.left, reading.right), (reading.right, reading.left)):
        match side.node:
            case Operation("/", Number(above), Number(below)) if 0 < above < below:
                if any(value > 1 for value in values(other.node)) or side.units:
                    return True
            case Number(_, _, True) if isinstance(_bare(other.node), Operation) and _is_quantity(other):
                return True
    return False


def _other_units(reading: Reading) -> bool:
    """The sides are about different things, or one is a unit's multiple of the other."""
    left = {_stem(word) for word in reading.left.units}
    right = {_stem(word) for word in _units_behind(reading)}
    if left and right and not left & right and _adds(reading.left.node):
        return True
    around = reading.text[max(0, reading.start - _BEFORE) : reading.end + _BEHIND]
    if not _MEASURES.search(around):
        return False
    return any(
        b and (a / b in _FACTORS or (a and b / a in _FACTORS))
        for a in values(reading.left.node)
        for b in values(reading.right.node)
    )


def _of_a_number(reading: Reading) -> bool:
    """`3 packs of 5 cards + 2 cards = 17`: words tie the first operand to a number before it."""
    tokens, at = reading.tokens, reading.left.start - 1
    words = []
    while at >= 0 and tokens[at].kind == "word" and len(words) < 8:
        words.append(tokens[at].said)
        at -= 1
    if not words or at < 0 or tokens[at].kind not in ("number", ")", "%"):
        return False
    return words[0] in _JOINING


def _after_a_dash(reading: Reading) -> bool:
    """A dash or bullet was read as a minus, or the other way round."""
    for expression in (reading.left, reading.right):
        for start in expression.dashes[:4]:
            later = parse(reading.tokens, start)
            if later and later.end == expression.end and _agrees(later.node, reading.right.node):
                return True
    start, tokens = reading.left.start, reading.tokens
    before = tokens[start - 1] if start else None
    if tokens[start].kind == "-" and not reading.in_chain:
        if before is not None and before.kind == "word":
            return True
        later = parse(tokens, start + 1)
        return later is not None and _agrees(later.node, reading.right.node)
    if before is None or before.kind != "mark" or not set(before.said) & set("-–+*"):
        return False
    if start > 1 and tokens[start - 2].kind in ("number", ")", "%", "+", "-", "*", "/", "="):
        return True
    return "+" not in before.said and _agrees(_negated(reading.left.node), reading.right.node)


_DOUBTS: tuple[Callable[[Reading], bool], ...] = (
    _not_claimed,
    _said_roughly,
    _runs_on,
    _is_label,
    _is_share,
    _other_units,
    _of_a_number,
    _after_a_dash,
)


def _sentence(reading: Reading) -> tuple[str, str]:
    """What the sentence says before and behind the equation."""
    before = reading.text[max(0, reading.start - _BEFORE) : reading.start]
    behind = reading.text[reading.end : reading.end + _BEHIND]
    for end in _SENTENCE_END.finditer(before):
        last = end.end()
    before = before[last:] if _SENTENCE_END.search(before) else before
    end_of_it = _SENTENCE_END.search(behind)
    return before, behind[: end_of_it.end()] if end_of_it else behind


def _agrees(left: Node, right: Node) -> bool:
    return agreement(left, right) in (Agreement.HOLDS, Agreement.NEAR)


def _beginnings(node: Node) -> Iterator[Node]:
    while isinstance(node, Operation):
        node = node.left
        yield node


def _negated(node: Node) -> Node:
    """The expression with its first operand negative."""
    if isinstance(node, Operation) and node.op != "mixed":
        return Operation(node.op, _negated(node.left), node.right)
    return Unary("-", node)


def _bare(node: Node) -> Node:
    while isinstance(node, Unary) and node.op == "-":
        node = node.of
    return node


def _is_quantity(side: Expression) -> bool:
    return all(abs(value) > 1 for value in values(side.node)) and not any(
        isinstance(part, Number) and part.percent for part in nodes(side.node)
    )


def _adds(node: Node) -> bool:
    return isinstance(node, Operation) and node.op in ("+", "-")


def _units_behind(reading: Reading) -> list[str]:
    """The words of the right side, the first word behind it among them."""
    words = list(reading.right.units)
    at = reading.right.end
    if at < len(reading.tokens) and reading.tokens[at].kind == "word":
        words.append(reading.tokens[at].said)
    return words


def _stem(word: str) -> str:
    return word.removesuffix("s").removesuffix("e")
