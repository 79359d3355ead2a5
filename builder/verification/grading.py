r"""The verdict on one answer, by math-verify. Runs inside a worker process: it may hang, and it may raise.

What counts as an answer. Beside the expression that it can read, math-verify returns the raw text of its
first match. That text alone can prove equality, but nothing else: if no expression was read and the texts
differ, the answer is `no_answer`, not `incorrect`.

What counts as a gold answer. Only what fills the box as a whole. By default math-verify also picks the last
number or fraction out of a formula that it cannot read (`\frac{1}{3}E_{1}+\frac{2}{3}E_{2}` becomes 2/3);
such a gold answer would make every candidate's verdict wrong.

An interval and the inequality that describes it are equal, whichever of them is the gold answer.
"""

import re
from functools import lru_cache
from typing import Any

from builder.texts.boxes import boxed, unboxed
from builder.texts.golds import is_long_prose, is_statement
from builder.verification.choices import read_choice
from builder.verification.contents import reading
from builder.verification.equations import claims_no_value, states_equation
from builder.verification.inequalities import variable
from builder.verification.notation import plain
from builder.verification.verdicts import Verdict

_BRACES = re.compile(r"\s*(?:\\left\s*)?\\\{")
_PARENTHESIS = re.compile(r"\s*(?:\\left\s*)?\(")


def grade(pair: tuple[str, str]) -> Verdict:
    """The verdict on a (gold, answer text) pair; `error` if the gold answer cannot be compared with.

    Raises:
        BaseException: whatever math-verify and sympy raise.
    """
    gold, text = map(plain, pair)
    if is_statement(gold):
        return "error"
    if (content := unboxed(text)) == text:
        return _compare(gold, text)
    expected, chosen = read_choice(gold), read_choice(content)
    if (
        expected.letter
        and chosen.letter
        and (expected.letter != chosen.letter or not (expected.value and chosen.value))
    ):
        return "correct" if expected.letter == chosen.letter else "incorrect"
    if expected.value is None or chosen.value is None:  # at most one of them is a letter
        return _compare(gold, text)
    return _compare(expected.value, boxed(chosen.value))


def is_parseable(gold: str) -> bool:
    """Whether a gold answer can be compared with: a choice, or what math-verify reads as a whole; no statement.

    Raises:
        BaseException: whatever math-verify and sympy raise.
    """
    gold = plain(gold)
    if is_statement(gold):
        return False
    choice = read_choice(gold)
    if choice.letter:
        return True
    return not is_long_prose(gold) and _has_expression(_parse_gold(reading(gold)))


def _compare(gold: str, text: str) -> Verdict:
    """The verdict of math-verify on an answer in a box, or on the end of a text that has none."""
    from math_verify import parse

    if (content := unboxed(text)) != text:
        if (names := {variable(gold), variable(content)} - {None}) and len(names) > 1:
            return "incorrect"
        text = boxed(reading(content))
    golds = _parse_gold(reading(gold))
    answers = parse(text, parsing_timeout=None, raise_on_error=True)
    if not answers:
        return "no_answer"
    if _equal(golds, answers):
        mixed = _pair_as_set(gold, golds, answers, text) or _pair_as_set(content, answers, golds, gold)
        return "incorrect" if mixed or _claims_too_much(golds, answers, text) else "correct"
    if not _has_expression(golds):
        return "error"
    return "incorrect" if _has_expression(answers) else "no_answer"


def _equal(golds: list[Any], answers: list[Any]) -> bool:
    from math_verify import verify

    return verify(golds, answers, allow_set_relation_comp=True, timeout_seconds=None, raise_on_error=True)


def _claims_too_much(golds: list[Any], answers: list[Any], text: str) -> bool:
    """Whether only the right side of the answer's equation equals the gold answer, which is no equation itself."""
    if "=" not in text or any(map(states_equation, golds)):
        return False
    return any(claims_no_value(answer, lambda *sides: _equal(*map(_alone, sides)), unboxed(text)) for answer in answers)


def _pair_as_set(pair: str, pairs: list[Any], sets: list[Any], text: str) -> bool:
    r"""Whether one side is an ordered pair or an open interval, and the other a set of two: `(1, 2)`, `\{1, 2\}`."""
    from sympy import FiniteSet, Interval

    if not (any(isinstance(a, Interval) for a in pairs) and any(isinstance(b, FiniteSet) for b in sets)):
        return False
    return _BRACES.match(unboxed(text)) is not None or not _PARENTHESIS.match(pair)


def _alone(expression: Any) -> list[Any]:
    return [expression]


@lru_cache(maxsize=64)
def _parse_gold(gold: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse

    whole_box = [LatexExtractionConfig(try_extract_without_anchor=False)]
    return parse(rf"\boxed{{{gold}}}", whole_box, parsing_timeout=None, raise_on_error=True)


def _has_expression(parsed: list[Any]) -> bool:
    return any(not isinstance(value, str) for value in parsed)
