"""Numbers out of nowhere: a retelling that uses what it neither was told nor has worked out.

A retelling has seen the expert's solution, and whoever reads it later has not. "Stephanie needs 36 - 30 = 6 candles" is
true, and 36 stands in the expert's working alone. Numbers of the problem are founded, and so are constants that the
expert brings in (60 minutes); everything else has to be calculated first, in an equation or in a sentence.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import permutations

from builder.texts.contradictions import stated_numbers
from builder.texts.equations.reading import Reading, read, without_equations
from builder.texts.final_number import numbers_in
from builder.texts.working import CONSTANTS, is_algebra, is_among, operands, results, without_notes

_MOST = 20  # numbers of a sentence that are calculated with each other
_SENTENCE = re.compile(r"(?<=[.!?:;])\s+|\n+")
_LABEL = re.compile(  # and ordinals
    r"^\s*(?:[-*#>]+\s*)?\(?\d{1,2}[.):](?=\s)|\b(?:[Ss]tep|[Cc]ase|Day|Week|Part)\s+\d+|\b\d+(?:st|nd|rd|th)\b",
    re.MULTILINE,
)
_PLAIN = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_SHARES = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "fourth": 4, "quarter": 4, "quarters": 4}
_SHARES |= {"fifth": 5, "fifths": 5, "sixth": 6, "eighth": 8, "tenth": 10}
_FOLDS = {"twice": 2, "double": 2, "doubled": 2, "doubles": 2, "thrice": 3, "triple": 3, "tripled": 3, "dozen": 12}
_NAMED = _SHARES | _FOLDS | {"both": 2, "couple": 2, "pair": 2}
_DIVIDING = re.compile(r"divi|split|shar|each|per\b|every|\bevenly|\bequal|average|%|percent", re.IGNORECASE)


def unfounded_numbers(text: str, problem: str, expert_solution: str) -> list[Fraction]:
    """The numbers of a retelling that come from nowhere, in order; empty where a text is algebra.

    Args:
        text: of a candidate.
        problem: that it answers.
        expert_solution: that it retells.
    """
    text, expert_solution = without_notes(text), without_notes(expert_solution)
    if is_algebra(text):
        return []
    named = {Fraction(_NAMED[word]) for word in _words(problem) & _NAMED.keys()}
    constants = CONSTANTS - {value for _, (value, _) in stated_numbers(text)}  # "7. The answer is 7."
    founded = {*numbers_in(problem), *named, *_brought_in(expert_solution), *constants}
    unfounded: list[Fraction] = []
    for sentence in _SENTENCE.split(_LABEL.sub(" ", text)):
        unfounded += _work_through(sentence, founded)
    return unfounded


def _work_through(sentence: str, founded: set[Fraction]) -> Iterator[Fraction]:
    """What of a sentence is unfounded; what it says or calculates is founded afterwards."""
    equations = list(read(sentence))
    prose = _prose(sentence, equations)
    used = [*prose, *(number for equation in equations for number in operands(equation))]
    explained = {*_said([number for number in dict.fromkeys(used) if is_among(number, founded)], sentence)}
    unfounded = []
    for equation in equations:
        unfounded += [number for number in operands(equation) if not is_among(number, founded | explained)]
        explained.update(results(equation))
    unfounded += [number for number in prose if not is_among(number, founded | explained)]
    founded |= {*used, *(value for equation in equations for value in results(equation))}
    yield from dict.fromkeys(unfounded)


def _said(numbers: list[Fraction], sentence: str) -> Iterator[Fraction]:
    """What a sentence may mean by the numbers in it: their sums, differences, products, shares and multiples."""
    yield sum(numbers, Fraction(0))
    numbers = numbers[:_MOST]
    for word in _words(sentence) & (_SHARES.keys() | _FOLDS.keys()):
        times = Fraction(_FOLDS[word]) if word in _FOLDS else Fraction(1, _SHARES[word])
        yield from (number * times for number in numbers)
    divides = _DIVIDING.search(sentence) is not None
    for a, b in permutations(numbers, 2):
        yield from (a + b, a - b, a * b)
        if divides and b:
            yield a / b


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


@lru_cache(maxsize=256)  # a row's candidates are judged one after the other
def _brought_in(solution: str) -> frozenset[Fraction]:
    """The numbers of a solution that it uses before it calculates them, if it ever does."""
    brought_in: set[Fraction] = set()
    worked_out: set[Fraction] = set()
    for sentence in _SENTENCE.split(solution):
        equations = list(read(sentence))
        for equation in equations:
            brought_in |= {*operands(equation)} - worked_out
            worked_out.update(results(equation))
        brought_in |= {*_prose(sentence, equations)} - worked_out
    return frozenset(brought_in)


def _prose(text: str, equations: list[Reading]) -> list[Fraction]:
    """The numbers, in digits, that stand outside of equations."""
    return [Fraction(number.replace(",", "")) for number in _PLAIN.findall(without_equations(text, equations))]
