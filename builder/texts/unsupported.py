"""Answers without a solution: a number that a retelling states, and that nothing in it comes to.

A retelling has been shown the answer. "This is a classic puzzle. The answer is 744." is right and teaches nothing.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from builder.texts.contradictions import stated_numbers

_MOST_WORDS = 40  # before the answer; longer working may lead to a number without naming it
_BREAK = re.compile(r"[.!?:](?=\s)|\n")
_CALCULATION = re.compile(r"=|≈|\\(?:equiv|approx|frac|times|cdot|div)|\d\s*[-+*/×÷]\s*\d")
_NUMBER = re.compile(
    r"\\[dt]?frac\s*\{\s*(\d{1,18})\s*\}\s*\{\s*(\d{1,18})\s*\}|\\[dt]?frac\s*(\d)\s*(\d)|(\d{1,18})\s*/\s*(\d{1,18})"
    r"|((?:\d{1,3}(?:(?:,|\{,\}|\\!|,\\!|\ )\d{3}(?!\d))+|\d{1,30})(?:\.\d{1,30})?|\.\d{1,30})"
)
_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_ANNOUNCED = re.compile(r"\S+\s+is\s+the\s+(?:\w+\s+)?answer\b")  # "The 80 is the answer."
_SCALES = (Fraction(1), Fraction(100), Fraction(1, 100))  # 20 % and 0.2 are the same


def unsupported_answer(text: str) -> bool:
    """Whether the last number that a text states as its answer comes out of nothing.

    It does if at most 40 words stand before it is first stated, in which there is no calculation and not the number
    itself, in digits or in words, and if no other number stands in the sentence that states it.
    """
    answers = stated_numbers(text)
    if not answers:
        return False
    _, (value, off) = max(answers)
    position = min(where for where, (number, _) in answers if number == value)
    before = _ANNOUNCED.sub("", text[:position])
    lead = _BREAK.split(before)[-1]
    rest = _NUMBER.sub("", _BREAK.split(text[position:], maxsplit=1)[0], count=1)  # behind the answer itself
    if len(before.split()) > _MOST_WORDS or re.search(r"\d", lead + rest) or _CALCULATION.search(before):
        return False
    return not any(abs(said * scale - abs(value)) <= off for said in _numbers(before) for scale in _SCALES)


def _numbers(text: str) -> Iterator[Fraction]:
    for found in _NUMBER.finditer(text):
        *parts, plain = found.groups()
        if plain:
            yield Fraction(re.sub(r"[^\d.]", "", plain))
        else:
            top, bottom = (int(part) for part in parts if part)
            yield from (Fraction(top), Fraction(bottom), Fraction(top, bottom or 1))
    words = set(re.findall(r"[a-z]+", text.lower()))
    yield from (Fraction(number) for number, word in enumerate(_WORDS) if word in words)
