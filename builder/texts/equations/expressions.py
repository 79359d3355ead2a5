"""Expressions: a tree, and the longest one that begins at a token."""

from dataclasses import dataclass, field
from fractions import Fraction

from builder.texts.equations.tokens import Token, closes
from builder.texts.equations.words import UNIT_ENDS

_DEPTH = 12  # brackets in brackets; and the tokens of one expression
_LENGTH = 160
_WORDS = 9  # words between a number and the operator after it


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written: its value, decimal places shown, and whether it is a percentage."""

    value: Fraction
    places: int = 0
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """`left op right`; op is one of `+ - * / ^`, `()` (juxtaposed factors) and `mixed` (2 1/2)."""

    op: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x`, `root` of x, or a quotient in brackets, `()`, which no slash behind it takes apart."""

    op: str
    of: "Node"


Node = Number | Operation | Unary


@dataclass(slots=True)
class Expression:
    """Tokens `start` to `end` (exclusive) as a tree, and what a reader may stumble over.

    `last` is the last token that carries value, `units` the words between (`^` for a power of one), `dashes` the
    tokens after a minus that may be a dash, because words stand before it, and `cut` whether an operator follows whose
    right side cannot be read.
    """

    start: int
    end: int
    last: int
    node: Node
    units: list[str] = field(default_factory=list)
    dashes: list[int] = field(default_factory=list)
    cut: bool = False


class UnreadableError(Exception):
    """No expression begins here."""


def starts_operand(token: Token) -> bool:
    """Whether a number, bracket, fraction or root begins at a token."""
    return token.kind in ("number", "(", "frac", "root")


def is_calculated(node: Node) -> bool:
    """Whether there is an operation in it, so that it is more than a quantity such as -2 1/2."""
    while isinstance(node, Unary) and node.op == "-":
        node = node.of
    return not isinstance(node, Number) and not (isinstance(node, Operation) and node.op == "mixed")


def parse(tokens: list[Token], start: int) -> Expression | None:
    """The longest expression that begins at a token; None if there is none."""
    parser = _Parser(tokens, start)
    try:
        node = parser.sum(0)
    except UnreadableError:
        return None
    return Expression(start, parser.at, parser.last, node, parser.units, parser.dashes, parser.cut)


class _Parser:
    """Recursive descent; `at` is the next token."""

    def __init__(self, tokens: list[Token], start: int) -> None:
        self.tokens = tokens
        self.at = start
        self.limit = start + _LENGTH
        self.last = start
        self.units: list[str] = []
        self.dashes: list[int] = []
        self.cut = False

    def kind(self, ahead: int = 0) -> str:
        """Kind of a token from here on; empty behind the last."""
        at = self.at + ahead
        return self.tokens[at].kind if at < len(self.tokens) else ""

    def sum(self, depth: int) -> Node:
        negative = self.kind() == "-"
        self.at += negative
        node = self.product(depth)
        if negative:
            node = Unary("-", node)
        while (op := self.kind()) in ("+", "-"):
            words = self.tokens[self.at - 1].kind == "word"
            if not self.operand_follows():
                break
            self.at += 1
            if op == "-" and words:
                self.dashes.append(self.at)
            node = Operation(op, node, self.product(depth))
        return node

    def product(self, depth: int) -> Node:
        node = self.factor(depth)
        while not self.cut and self.at <= self.limit:
            op = self.kind()
            if op in ("*", "/"):
                if not self.operand_follows():
                    break
                self.at += 1
                node = Operation(op, node, self.factor(depth))
            elif op == "word" and self.tokens[self.at].said == "of" and self.begins(1):
                self.at += 1
                node = Operation("*", node, self.factor(depth))
            elif op == "(" and self.tokens[self.at].glued and self.tokens[self.at - 1].kind in ("number", ")"):
                node = Operation("()", node, self.factor(depth))
            else:
                break
        return node

    def begins(self, ahead: int) -> bool:
        at = self.at + ahead
        return at < len(self.tokens) and starts_operand(self.tokens[at])

    def operand_follows(self) -> bool:
        """Whether the operator here has a right side; if it has none, the expression is cut off."""
        follows = self.at <= self.limit and (self.begins(1) or (self.kind(1) == "-" and self.begins(2)))
        self.cut = self.cut or not follows
        return follows

    def factor(self, depth: int) -> Node:
        if depth > _DEPTH:
            raise UnreadableError
        if self.kind() == "-" and self.begins(1):
            self.at += 1
            return Unary("-", self.factor(depth + 1))
        node = self.atom(depth)
        if self.kind() == "^":
            self.at += 1
            node = Operation("^", node, self.exponent(depth))
        if self.kind() == "%":
            node = self.percentage(node)
        self.last = self.at - 1
        self.skip_units()
        return node

    def percentage(self, node: Node) -> Node:
        self.at += 1
        if isinstance(node, Number):
            return Number(node.value, node.places, percent=True)
        return Operation("*", node, Number(Fraction(1), percent=True))

    def exponent(self, depth: int) -> Node:
        if self.kind() == "-":
            self.at += 1
            return Unary("-", self.atom(depth + 1))
        return self.atom(depth + 1)

    def atom(self, depth: int) -> Node:
        if depth > _DEPTH + 1:
            raise UnreadableError
        kind = self.kind()
        if kind == "number":
            return self.number(depth)
        if kind == "(":
            return self.group(depth)
        if kind == "frac":
            self.at += 1
            return Operation("/", self.group(depth), self.group(depth))
        if kind == "root":
            self.at += 1
            return Unary("root", self.atom(depth + 1))
        raise UnreadableError

    def number(self, depth: int) -> Node:
        token = self.tokens[self.at]
        assert token.value is not None
        self.at += 1
        node = Number(token.value, token.places)
        if token.places == 0 and self.mixed():
            fraction = self.group(depth) if self.kind() == "(" else self.fraction(depth)
            return Operation("mixed", node, fraction)
        return node

    def mixed(self) -> bool:
        """Whether `1/2` or a LaTeX fraction of numbers stands directly behind a whole number."""
        if self.kind() == "frac":
            return True
        if self.kind() == "(" and self.tokens[self.at].start == self.tokens[self.at].end:  # \frac12
            return True
        following = self.tokens[self.at : self.at + 3]
        if [token.kind for token in following] != ["number", "/", "number"]:
            return False
        top, slash, bottom = following
        return slash.glued and bottom.glued and not top.places and not bottom.places and top.value < bottom.value

    def fraction(self, depth: int) -> Node:
        if self.kind() == "frac":
            return self.atom(depth + 1)
        top, bottom = self.tokens[self.at].value, self.tokens[self.at + 2].value
        assert top is not None
        assert bottom is not None
        self.at += 3
        return Operation("/", Number(top), Number(bottom))

    def group(self, depth: int) -> Node:
        if self.kind() != "(":
            raise UnreadableError
        opened = self.tokens[self.at]
        self.at += 1
        node = self.sum(depth + 1)
        if self.cut or self.at >= len(self.tokens) or not closes(opened, self.tokens[self.at]):
            raise UnreadableError
        self.at += 1
        quotient = isinstance(node, Operation) and node.op == "/" and opened.start < opened.end
        return Unary("()", node) if quotient else node

    def skip_units(self) -> None:
        """Go past the words behind an operand, and rates such as `/hour`, if the equation goes on behind them."""
        at = self.at
        words: list[str] = []
        tokens = self.tokens[at : at + 2 * _WORDS]
        ahead = 0
        while ahead < len(tokens):
            token = tokens[ahead]
            rate = token.kind == "/" and ahead + 1 < len(tokens) and tokens[ahead + 1].kind == "word"
            if token.kind == "word" and token.said not in UNIT_ENDS:
                if token.said == "of" and ahead == 0 and self.begins(1):
                    return
                words.append(token.said)
            elif token.kind == "^" and words and ahead + 1 < len(tokens):  # square units
                words.append("^")
                ahead += 3 if tokens[ahead + 1].kind == "(" else 1
            elif not rate:
                break
            ahead += 1
        self.units += words
        if ahead < len(tokens) and len(words) <= _WORDS and tokens[ahead].kind in ("+", "-", "*", "/", "=", "≈", ")"):
            self.at += ahead
