"""Texts that repeat what the prompt told the model to do, instead of doing it."""

import re
from collections.abc import Sequence
from functools import cache

_SHORTEST, _LONGEST = 5, 6
_PLACEHOLDER = re.compile(r"\{problem\}|\{solution\}")
_LATEX = re.compile(r"\\[a-zA-Z]+(?:\{[^{}]*\})?")
_CLAUSE_END = re.compile(r"[.,:;!?()\n]+(?=\s|$)|\n")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_JOINED = frozenset({"and", "but", "then"})
# What an instruction only dictates ("end with: the answer is N", "let's think step by step") an obedient text contains.
_DICTATED = re.compile(r"\banswer is\b|^let\b|^let['’]?s\b|^i\b|^we\b")


def echoes_prompt(text: str, prompts: Sequence[str]) -> bool:
    r"""Whether the text contains words of the instruction itself, such as "Digest it, then retell it:".

    An echo is a phrase of the instruction, in order and whatever the case and the punctuation between the words, that
    begins where a clause of the instruction begins (after a punctuation mark, or after "and", "but" or "then" there).
    It ends with that clause or the next if it has five words by then, and else with its sixth word. Where a prompt's
    sentences are interrupted by the problem or the solution, no phrase runs across. LaTeX (`\boxed{}`) is no word.
    No echoes are phrases in the solver's own voice ("let us", "I", "we") and the form of the answer ("the answer
    is"): an instruction that dictates them is obeyed by saying them. Nor is anything of the problem.

    Args:
        text: a sampled response.
        prompts: the instructions it was given: templates with or without their `{problem}` and `{solution}`, and
            without worked examples, which are no instructions.
    """
    said = f" {_words(text)} "
    return any(f" {phrase} " in said for prompt in prompts for phrase in instruction_phrases(prompt))


@cache
def instruction_phrases(prompt: str) -> frozenset[str]:
    """The phrases of a prompt template that `echoes_prompt` looks for: lower-cased words joined by single spaces."""
    phrases = (phrase for part in _PLACEHOLDER.split(prompt) for phrase in _phrases(_clauses(part)))
    return frozenset(phrase for phrase in phrases if not _DICTATED.search(phrase))


def _clauses(instruction: str) -> list[list[str]]:
    clauses = (_words(clause).split() for clause in _CLAUSE_END.split(_LATEX.sub(" ", instruction)))
    return [clause for clause in clauses if clause]


def _phrases(clauses: list[list[str]]) -> list[str]:
    """One phrase from each beginning of a clause, as far as there are words enough."""
    phrases = []
    for number, clause in enumerate(clauses):
        for first in (0, 1) if clause[0] in _JOINED else (0,):
            phrase = _phrase([clause[first:], *clauses[number + 1 :]])
            if phrase:
                phrases.append(" ".join(phrase))
    return phrases


def _phrase(clauses: list[list[str]]) -> list[str]:
    words: list[str] = []
    for clause in clauses:
        words += clause
        if len(words) >= _SHORTEST:
            return words[:_LONGEST]
    return []


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.lower().replace("’", "'")))
