r"""The answer of a text, and how it is stated: pure functions, linear in its length, whatever the text is.

| form | the answer is |
| --- | --- |
| `boxed` | in the last closed box, or in several that are joined |
| `hash` | a number behind `####` at the very end, as GSM8K writes it |
| `stated` | said to be the answer: "the answer is 12", "Answer: **12**" |
| `trailing` | merely the last number or expression, if nothing states one |

A text whose box never closes has no answer: it was cut off, and cannot be right by accident. A question that is
repeated has none either: for "What is 83 - 3?", neither `\boxed{83 - 3}` nor an end in "83 - 3" is one.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from builder.texts.boxes import boxed, boxed_answer, opens_box, unboxed
from builder.texts.golds import THOUSANDS
from builder.texts.stated import stated_answers

AnswerForm = Literal["boxed", "hash", "stated", "trailing"]
FORMS: tuple[AnswerForm, ...] = get_args(AnswerForm)  # the strictest first
LaxestForm = Literal["boxed", "stated", "trailing"]

TAIL_CHARACTERS = 4_000

_HASH_NUMBER = re.compile(r"(?P<number>[-+]?\$?\d[\d,]*(?:\.\d+)?%?)(?:\s+[A-Za-z]+){0,3}\.?")
_SEGMENT = re.compile(r"[^\n.?!]*+(?:[.?!](?=\d)[^\n.?!]*+)*+[.?!]?[ \t]*\n*\Z")
_OPERATOR = re.compile(r"[\w)}]\s*(?:[-+*/×÷^−]|\\(?:times|cdot|div)\b)\s*[\w({$\\]")
_PLAIN_FRACTION = re.compile(r"(\d{1,18})/(\d{1,18})")
_LATEX_SIGNS = ((r"\times", "×"), (r"\cdot", "×"), (r"\div", "÷"), ("*", "×"), ("−", "-"))


@dataclass(frozen=True)
class Answer:
    """The answer of a text.

    Attributes:
        form: how it is stated.
        text: what the verifier is shown, and what its cache is keyed by: a box, or the end of a text that has none.
        restates: whether it is an expression that the problem asks for, as the problem has it.
    """

    form: AnswerForm
    text: str
    restates: bool = False

    def counts(self, laxest: LaxestForm) -> bool:
        """Whether its form is as strict as this, or stricter."""
        return FORMS.index(self.form) <= FORMS.index(laxest)


def find_answer(text: str, problem: str = "") -> Answer | None:
    """The answer of a text in the strictest form that it has; None if it has none.

    Args:
        text: the response.
        problem: what it responds to, so that a repeated question is told from an answer.
    """
    if box := boxed_answer(text):
        return Answer("boxed", box, _restates(unboxed(box), problem))
    if opens_box(text):
        return None
    if number := hash_number(text):
        return Answer("hash", boxed(number))
    if stated := stated_answers(text):
        last = next((answer for answer in reversed(stated) if not answer.words), stated[-1])
        return Answer("stated", boxed(last.value), _restates(last.value, problem))
    end = _without_question(text[-TAIL_CHARACTERS:].strip(), problem)
    return Answer("trailing", end) if end else None


def hash_number(text: str) -> str | None:
    """The number behind `####` at the very end of a text, without thousands commas; None if it does not end in one."""
    _, marker, rest = text[-TAIL_CHARACTERS:].rpartition("####")
    found = _HASH_NUMBER.fullmatch(rest.strip()) if marker else None
    return THOUSANDS.sub("", found["number"]) if found else None


def _restates(value: str, problem: str) -> bool:
    """Whether a value is an expression that stands in the problem. A fraction in lowest terms is a value of its own."""
    if not problem or not _OPERATOR.search(value):
        return False
    if fraction := _PLAIN_FRACTION.fullmatch(value.strip()):
        numerator, denominator = map(int, fraction.groups())
        if denominator and Fraction(numerator, denominator).denominator == denominator:
            return False
    return squeezed(value) in squeezed(problem)


def _without_question(text: str, problem: str) -> str:
    """A text without the sentences at its end that repeat the problem's."""
    asked = squeezed(problem)
    while asked and (last := _SEGMENT.search(text)) and last[0].strip():
        words = squeezed(last[0]).rstrip(".?!")
        if words not in asked or not (_OPERATOR.search(last[0]) or len(last[0].split()) > 3):
            break
        text = text[: last.start()].rstrip()
    return text


def squeezed(text: str) -> str:
    """A text as it is compared: lower case, without space and dollars, one sign for each operation."""
    for sign, plain in _LATEX_SIGNS:
        text = text.replace(sign, plain)
    return re.sub(r"[\s$]+|\\[,;!() \[\]]", "", text).lower()
