r"""The verdict on one answer, by math-verify. Runs inside a worker process: it may hang, and it may raise.

What counts as an answer. Beside the expression that it can read, math-verify returns the raw text of its
first match. That text alone can prove equality, but nothing else: if no expression was read and the texts
differ, the answer is `no_answer`, not `incorrect`.

What counts as a gold answer. Only what fills the box as a whole. By default math-verify also picks the last
number or fraction out of a formula that it cannot read (`\frac{1}{3}E_{1}+\frac{2}{3}E_{2}` becomes 2/3);
such a gold answer would make every candidate's verdict wrong.

An interval and the inequality that describes it are equal, whichever of them is the gold answer.
"""

from functools import lru_cache
from typing import Any

from builder.verdicts import Verdict
from builder.verification.notation import plain


def grade(pair: tuple[str, str]) -> Verdict:
    """The verdict on a (gold, answer text) pair; `error` if the gold answer cannot be compared with.

    Raises:
        BaseException: whatever math-verify and sympy raise.
    """
    from math_verify import parse, verify

    gold, text = map(plain, pair)
    golds = _parse_gold(gold)
    answers = parse(text, parsing_timeout=None, raise_on_error=True)
    if not answers:
        return "no_answer"
    if verify(golds, answers, allow_set_relation_comp=True, timeout_seconds=None, raise_on_error=True):
        return "correct"
    if not _has_expression(golds):
        return "error"
    return "incorrect" if _has_expression(answers) else "no_answer"


def is_parseable(gold: str) -> bool:
    """Whether math-verify reads the whole gold answer as an expression.

    Raises:
        BaseException: whatever math-verify and sympy raise.
    """
    return _has_expression(_parse_gold(plain(gold)))


@lru_cache(maxsize=64)
def _parse_gold(gold: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse

    whole_box = [LatexExtractionConfig(try_extract_without_anchor=False)]
    return parse(rf"\boxed{{{gold}}}", whole_box, parsing_timeout=None, raise_on_error=True)


def _has_expression(parsed: list[Any]) -> bool:
    return any(not isinstance(value, str) for value in parsed)
