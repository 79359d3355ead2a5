"""The gold answer of a source row: where it stands, and of which kind it is."""

import re
from typing import Literal

from builder.texts.boxes import box_groups, closed_boxes, contents, tidy

AnswerKind = Literal["value", "choice", "proof", "none"]

THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
LONG_PROSE_WORDS = 8

_STYLE = r"\\(?:textbf|text|mathrm|mathbf|textrm|mathsf|bf|rm)\b"
_LETTER = re.compile(rf"[\s{{(]*(?:{_STYLE}[\s{{(]*)*(?P<letter>[A-Ja-j])(?![A-Za-z])(?P<rest>.*)", re.DOTALL)
_BESIDE_LETTER = re.compile(r"(?:[)}\s~]|\\[ ,;:!]|\\q?quad\b)*[).:]")
_OPTION = re.compile(
    rf"(?<![\w\\])(?:{_STYLE}[\s{{(]{{0,4}})?[(\[]?\s{{0,3}}(?:{_STYLE}[\s{{(]{{0,4}})?(?P<letter>[A-J])"
    r"[\s}]{0,4}[).:\]](?!\w)"
)
_MOST_OPTIONS = 400

_END_OF_PROOF = re.compile(
    r"\\(?:blacksquare|qed|qedsymbol)(?![A-Za-z])|[■∎]|\bq\.\s?e\.\s?d\b|(?:\\square|\\Box|□)[\s}.$]*+\Z", re.IGNORECASE
)
_PROVED = re.compile(
    r"\b(?:proved|proven|proof|qed|as desired|as required|as (?:was )?to be shown|has been shown|is shown|shown above"
    r"|(?:statement|claim|assertion|proposition|theorem|inequality|identity|lemma|conclusion)\s+(?:is\s+)?(?:indeed\s+)?"
    r"(?:true|correct|valid|established|holds|follows))\b",
    re.IGNORECASE,
)
_PROOF_ASKED = re.compile(
    r"\b(?:prove|disprove|demonstrate)\b|\b(?:show|verify|establish|justify)\s+(?:that\b|the following|the inequality"
    r"|the identity|\$|\\\()",
    re.IGNORECASE,
)
_VALUE_ASKED = re.compile(
    r"\?|(?<!can )(?<!could )(?<!to )(?<!always )(?<!cannot )\b(?:find|determine|compute|calculate|evaluate|solve"
    r"|simplify)\b|(?:^|[.:;)]\s+|\b(?:and|then|hence|also),?\s+)(?:give|list|state|name|write|express|derive|estimate"
    r"|obtain|deduce|factor|construct|describe|draw|what|which|how)\b",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{2,}")


def gold_of(answer: str | None, solution: str) -> str | None:
    r"""The gold answer of a source row; None if it has none.

    The answer field if it says anything, without a pair of dollars or a box around it; else the last box of
    the solution, or the last ones where several are joined ("roots are `\boxed{2}` and `\boxed{-5}`"); else the
    line that follows its last `####`, without thousands commas (GSM8K).
    """
    if bare := _unwrapped(answer or ""):
        return bare
    if groups := box_groups(solution):
        return contents(groups[-1]) or None
    _, marker, rest = solution.rpartition("####")
    return THOUSANDS.sub("", rest.strip().partition("\n")[0].strip()) or None if marker else None


def answer_kind(gold: str | None, problem: str) -> AnswerKind:
    r"""What a row asks for: a value, an option, or a proof; "none" where no proof is asked for and there is no gold.

    A proof has no answer that could be compared: the problem says "prove that" and asks for no value beside it, or
    the gold answer is a statement (`is_statement`). A choice is a letter, with its value or without (`B`,
    `\textbf{(B)}\ 12`), to a problem that lists what the letters stand for.
    """
    if (gold and is_statement(gold)) or (_PROOF_ASKED.search(problem) and not _VALUE_ASKED.search(problem)):
        return "proof"
    if not (gold or "").strip():
        return "none"
    letter = choice_letter(gold)
    return "choice" if letter and letter in listed_options(problem) else "value"


def is_statement(gold: str) -> bool:
    r"""Whether a gold answer says that something was proved: `\text{Proved}`, `\blacksquare`, "the claim is true"."""
    return bool(_END_OF_PROOF.search(gold) or _PROVED.search(gold))


def is_long_prose(gold: str) -> bool:
    """Whether it is a sentence rather than a value: at least eight words."""
    return len(_WORD.findall(_COMMAND.sub(" ", gold))) >= LONG_PROSE_WORDS


def choice_letter(gold: str) -> str | None:
    r"""The letter of a choice, in upper case: of `B`, `(B)`, `\textbf{(B)}\ 12`, `B. 12`; else None."""
    found = _LETTER.fullmatch(gold)
    if not found:
        return None
    bare = not found["rest"].strip(" \n\t.)}:$")
    beside = found["letter"].isupper() and _BESIDE_LETTER.match(found["rest"])
    return found["letter"].upper() if bare or beside else None


def listed_options(problem: str) -> set[str]:
    """The letters of the options that a problem lists, A first and without a gap; empty if there are not two."""
    letters = {found["letter"] for found, _ in zip(_OPTION.finditer(problem), range(_MOST_OPTIONS), strict=False)}
    listed = "ABCDEFGHIJ"
    count = next((n for n, letter in enumerate(listed) if letter not in letters), len(listed))
    return set(listed[:count]) if count > 1 else set()


def _unwrapped(answer: str) -> str:
    answer = tidy(answer)
    if len(answer) > 1 and answer[0] == answer[-1] == "$" and "$" not in answer[1:-1]:
        answer = tidy(answer[1:-1])
    boxes = closed_boxes(answer)
    if len(boxes) == 1 and (boxes[0].start, boxes[0].end) == (0, len(answer)):
        return boxes[0].content
    return answer
