r"""Multiple choice: a letter, with the value of its option or without (`B`, `\textbf{(B)}\ 12`, `B. 12`).

If the gold answer has both, either of them is an answer; if both are given, both must be right. If it has a letter
only, the letter decides. If it has a value only, a letter beside the answer's value says nothing.
"""

import re
from dataclasses import dataclass

MOST_CHARACTERS = 1_000

_STYLE = r"\\(?:textbf|text|mathrm|mathbf|textrm|mathsf|mbox|bf|rm)(?![A-Za-z])"
_SPACE = r"(?:\s|~|\\[ ,;:!]|\\q?quad(?![A-Za-z]))"
_CHOICE = re.compile(
    rf"(?P<opening>(?:\s|\$|{_STYLE}|[{{(\[])*+)(?:(?i:option|choice|answer){_SPACE}*)?(?P<bracket>[(\[]?)(?P<letter>[A-J])"
    rf"(?P<closing>(?:{_SPACE}|\}})*[)\].:](?:{_SPACE}|[}}$.:])*)(?P<value>.*)",
    re.DOTALL,
)
_BARE = re.compile(rf"(?:\s|\$|{_STYLE}|[{{(\[])*+(?:(?i:option|choice){_SPACE}+)?(?P<letter>[A-Ja-j])[\s)\]}}.:$]*")
# What continues a formula that begins with a letter in parentheses, or lists several options.
_CONTINUES = re.compile(
    r"-\s|[+*/^_=<>,;!'|&×÷]|(?:and|or)(?![A-Za-z])|\\(?:cup|cap|cdot|times|to|in|le|ge|leq|geq|ne|neq|circ|pm|div|setminus"
    r"|subset|Rightarrow|rightarrow|implies)(?![A-Za-z])"
)
_OTHER_OPTION = re.compile(r"(?<![\w\\])\(?[A-J][).:](?!\w)")


@dataclass(frozen=True)
class Choice:
    """What an answer to a multiple-choice problem says: a letter, a value, or both."""

    letter: str | None
    value: str | None


def read_choice(content: str) -> Choice:
    """The letter (in upper case) and the value of an answer; where no letter is told apart, it is all value."""
    if len(content) > MOST_CHARACTERS:
        return Choice(None, content)
    if bare := _BARE.fullmatch(content):
        return Choice(bare["letter"].upper(), None)
    found = _CHOICE.fullmatch(content)
    if not found or not _parts_agree(found):
        return Choice(None, content)
    value = _closed(found["opening"] + found["closing"], found["value"].strip())
    if not value:
        return Choice(found["letter"], None)
    if _CONTINUES.match(value) or _OTHER_OPTION.search(value):
        return Choice(None, content)
    return Choice(found["letter"], value)


def _parts_agree(found: re.Match[str]) -> bool:
    r"""Whether the bracket behind the letter closes one before it, or is a mark of its own (`A) 5`)."""
    before, behind = found["opening"] + found["bracket"], found["closing"]
    if before.count("(") > behind.count(")") or before.count("[") > behind.count("]"):
        return False
    apart = re.search(r"[\s~}]|\\", behind)
    return bool(apart) or not re.match(r"[A-Za-z-]", found["value"])  # not `A.B`, `(A)x`, `(A)-5`


def _closed(before: str, value: str) -> str:
    r"""The value as text if the brace of `\text{B. five}` is still open before it."""
    if before.count("{") > before.count("}") and value.endswith("}") and value.count("}") > value.count("{"):
        value = value[:-1].strip()
        return rf"\text{{{value}}}" if value else ""
    return value
