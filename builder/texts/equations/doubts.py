"""When an equation that does not hold may still be right in a way that was not read: it is not judged then."""

import re
from collections.abc import Callable

from builder.texts.equations.agreement import Agreement, agreement
from builder.texts.equations.expressions import Expression, Node, Number, Operation, Unary, is_calculated, parse
from builder.texts.equations.reading import Reading
from builder.texts.equations.units import other_units
from builder.texts.equations.values import nodes, values
from builder.texts.equations.words import SAYS, TIES

_BEFORE, _BEHIND = 120, 60  # characters of context that are looked at

_UNTRUE = re.compile(
    r"\b(?:false|wrong(?:ly)?|incorrect(?:ly)?|mistake\w*|impossible|contradict\w*|absurd|instead\sof|suppos(?:e|ing)"
    r"|assum(?:e|ing)|imagine|pretend|hypothe\w+|guess\w*|whether|unless|modulo|mod|clock|in\sbase)\b|≡|\\equiv|\\p?mod"
    r"|[✗✘❌]",
    re.IGNORECASE,
)
# These say something about the equation only where they stand beside it.
_NEGATED = re.compile(
    r"\b(?:not|never|cannot|nor|neither|try|trying|tries|tried|does|did|is\sit|are\sthey|error)\b|n['’]t\b",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"\A[\s.,;:!()$\\-]*(?:(?:which|that|this|it|but|and)\b.{0,12}?(?:not\b|n['’]t\b|never\b)|no\b|not\b|wait\b|oops\b"
    r"|hmm\b|isn['’]t\b|does\snot\b|is\snot\b|error\b)",
    re.IGNORECASE,
)
_BESIDE = 16
_HYPOTHESIS = re.compile(r"\bif\b(?![^,]*(?:,|\bthen\b))", re.IGNORECASE)
_ROUGHLY = re.compile(
    r"\b(?:round\w*|approx\w*|about|nearly|roughly|estimat\w*|almost|around|nearest|ceil\w*|floor\w*)\b", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[\n;]|(?<!\d)\.(?=\s)|(?<=\d)\.(?=\s)|[!?](?=\s)")


def is_doubtful(reading: Reading) -> bool:
    """Whether anything speaks for an equation that does not hold as it was read."""
    return any(doubt(reading) for doubt in _DOUBTS)


def _not_claimed(reading: Reading) -> bool:
    """The sentence denies the equation, supposes it or asks for it."""
    before, behind = _sentence(reading)
    if behind.rstrip().endswith("?") or _UNTRUE.search(before) or _UNTRUE.search(behind):
        return True
    if _NEGATED.search(before[-_BESIDE:]) or _TAKEN_BACK.match(reading.text[reading.end : reading.end + _BEHIND]):
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
    return not reading.in_chain and not is_calculated(reading.left.node) and is_calculated(reading.right.node)


def _is_share(reading: Reading) -> bool:
    """`2/3 = 40`: a proper fraction of something that is not named, or of a unit that another one stands for."""
    for side, other in ((reading.left, reading.right), (reading.right, reading.left)):
        match side.node:
            case Operation("/", Number(above), Number(below)) if 0 < above < below:
                if any(value > 1 for value in values(other.node)) or side.units:
                    return True
            case Number(_, _, True) if is_calculated(other.node) and _is_quantity(other):
                return True
    return False


def _of_a_number(reading: Reading) -> bool:
    """`3 packs of 5 cards + 2 cards = 17`: few words tie the first operand to a number or calculation before it."""
    tokens, at = reading.tokens, reading.left.start - 1
    words: list[str] = []
    while at >= 0 and tokens[at].kind == "word" and len(words) < 4:
        words.append(tokens[at].said)
        at -= 1
    if not words or at < 0 or tokens[at].kind not in ("number", ")", "%"):
        return False
    if at and tokens[at - 1].kind in ("+", "-", "*", "/"):
        return bool(TIES & set(words))
    return words[0] in TIES and not SAYS & set(words)


def _splits_a_number(reading: Reading) -> bool:
    """`14, 400 / 80`: a comma that may be a thousands separator, or the last of several numbers."""
    start, tokens = reading.left.start, reading.tokens
    return start > 1 and tokens[start - 1].said == "," and tokens[start - 2].kind == "number"


def _is_range(reading: Reading) -> bool:
    """`weeks 1-2 = 96 - 70`: what is called by a range of numbers."""
    start, tokens = reading.left.start, reading.tokens
    named = start > 0 and tokens[start - 1].kind == "word"
    match reading.left.node:
        case Operation("-", Number(low), Number(high)) if named and low < high and tokens[start + 1].glued:
            return is_calculated(reading.right.node)
    return False


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
    kinds = [""] + [token.kind for token in tokens[max(0, start - 4) : start - 1]]
    if kinds[-3:-1] in (["", "number"], ["line", "number"]):  # a number alone in the line above: a column of figures
        return True
    return "+" not in before.said and _agrees(_negated(reading.left.node), reading.right.node)


_DOUBTS: tuple[Callable[[Reading], bool], ...] = (
    _not_claimed,
    _said_roughly,
    _runs_on,
    _is_label,
    _is_share,
    other_units,
    _of_a_number,
    _is_range,
    _splits_a_number,
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


def _beginnings(node: Node) -> list[Node]:
    """The first operand, and what the first few operations make of it."""
    beginnings = []
    while isinstance(node, Operation):
        node = node.left
        beginnings.append(node)
    return beginnings[-6:]


def _negated(node: Node) -> Node:
    """The expression with its first operand negative."""
    if isinstance(node, Operation) and node.op != "mixed":
        return Operation(node.op, _negated(node.left), node.right)
    return Unary("-", node)


def _is_quantity(side: Expression) -> bool:
    return all(abs(value) > 1 for value in values(side.node)) and not any(
        isinstance(part, Number) and part.percent for part in nodes(side.node)
    )
