r"""Answers as people write them, in a form that the verifier reads: pure functions of one text.

The same rewriting is applied to gold answers and to responses, so that it can never make unequal answers equal by
treating them differently.
"""

import re
from decimal import Decimal

from builder.texts.golds import gold_of

# math-verify 0.9.0 reads E_1 as Euler's number with an index, M_{\odot} and m_{\max} not at all.
_SPELLINGS = (
    (re.compile(r"E(?=_)"), r"\\Xi"),
    (re.compile(r"_\s*(?:\{\s*\\odot\s*\}|\\odot\b)"), r"_{sun}"),
    (re.compile(r"_\s*(?:\{\s*\\(max|min)\s*\}|\\(max|min)\b)"), r"_{\1\2}"),
    (re.compile(r"^(\\boxed\{)?\s*\\frac\{d ?\w\}\{d ?\w\}\s*="), r"\1"),  # a derivative as label: dM/dt = ...
    (re.compile(r"\\(?:textbf|mathbf|boldsymbol|bm)\s*\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\bnp\.(?=[a-z])"), r"\\"),  # Minerva's answers are partly written in Python
    (re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([+-]?)0*(\d{1,4})(?![\w.])"), r"\1 \\times 10^{\2\3}"),
    (re.compile(r"(?<=\d)\.(?=\s*/)"), ""),  # 1./3
)
_DOLLAR = re.compile(r"(?<!\\)\$")
_THOUSANDS = re.compile(r"(?<=\d)(?:,\\!\s*|\{,\}|\\,|,)(?=\d{3}(?!\d))")
# What an answer is called (`x =`, `f(2) =`, `T_{n+1} \\approx`), and not computed from: `2x + 3 =`, `x^2 =`, `x >=`.
_LABEL = re.compile(r"^([^=≈]*?)(?:=|≈|\\approx(?![A-Za-z]))")
_INDEX = re.compile(r"_(?:\{(?:[^{}]|\{[^{}]*\})*\}|\w)|(?<=[A-Za-z])\s*\([^()]*\)")
_NAME = re.compile(
    r"(?:[A-Za-z\s{}|'′,;:~\u0370-\u03ff]|\\!|\\(?!(?:sqrt|n?[lg]e|n?[lg]eq\w*|[lg]t|neq?|in)(?![A-Za-z])))+"
)
_BARE_COMMA = re.compile(r"(?<![{\\]),")
_SPACE = r"(?:\\?[ ,;!~]|\s)"
_UNIT = re.compile(
    rf"{_SPACE}*(?:(?:\\(?:text|mathrm|mbox|rm)\s*\{{[^{{}}]*\}}(?:\^\{{?-?\d+\}}?)?|\^\s*\{{?\\circ\}}?)(?:{_SPACE}|/)*)+$"
)
_LONGEST_NUMBER = 200  # characters
_DECIMAL = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)"
_POWER = r"10\s*\^\s*(?:\{\s*([-+]?\d{1,4})\s*\}|([-+]?\d{1,4}))"
_NUMBER = re.compile(rf"({_DECIMAL})(?:\s*(?:\\times|\\cdot|\*|×)\s*{_POWER})?|([-+]?){_POWER}")
_WORDS = re.compile(r"\\(?:text|mbox|mathrm|textbf|textrm)\s*\{([^{}]*)\}")


def readable(answer: str) -> str:
    """A gold answer as the benchmark states it, without dollars, boxes and notation that the verifier cannot read."""
    return respelled(_DOLLAR.sub("", gold_of(answer, "") or "").strip())


def respelled(text: str) -> str:
    """A text with the spellings replaced that math-verify 0.9.0 is known to misread."""
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    return text


def spaced(answer: str) -> str:
    """A list of several answers with its commas spaced: the verifier reads `221,800` as one number."""
    return re.sub(r"(?<=\d),(?=\d)", ", ", answer)


def without_unit(answer: str, unit: str) -> str:
    """An answer without the unit that the benchmark names for it, however that is typeset."""
    bare = re.escape(_DOLLAR.sub("", unit).strip())
    percent = r"|\\?%|percent" if "%" in unit else ""
    typeset = rf"(?:\\(?:text|mathrm|mbox)\s*\{{\s*)?(?:{bare}{percent})\s*\}}?"
    return re.sub(rf"{_SPACE}*{typeset}\s*$", "", answer) if bare else answer


def number_in(answer: str) -> Decimal | None:
    r"""The value of an answer that is one decimal number and nothing else; None for everything else.

    Scientific notation, a name in front (`x = 5`), separated thousands, parentheses around it and a unit set as text
    behind it are understood; `x >= 5` and `2x + 3 = 5` are no numbers, and `(1,234)` is a pair. A unit is dropped,
    never converted.
    """
    if len(answer) > _LONGEST_NUMBER:
        return None
    text = _without_name(_DOLLAR.sub("", answer)).strip().removeprefix(r"\$")
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
        if _BARE_COMMA.search(text):
            return None
    text = _THOUSANDS.sub("", text).strip()
    for candidate in (text, _UNIT.sub("", text).strip()):
        if found := _NUMBER.fullmatch(candidate):
            mantissa, braced, bare, sign, lone_braced, lone_bare = found.groups()
            if mantissa is not None:
                return Decimal(mantissa).scaleb(int(braced or bare or 0))
            return Decimal(f"{sign}1").scaleb(int(lone_braced or lone_bare))
    return None


def _without_name(answer: str) -> str:
    """An answer without the name of the quantity in front of it."""
    label = _LABEL.match(answer)
    if not label or not _NAME.fullmatch(_INDEX.sub("", label[1])):
        return answer
    return answer[label.end() :]


def words_in(answer: str) -> str | None:
    r"""What an answer says that is a word or a choice letter set as text, in lower case; None for mathematics."""
    found = _WORDS.fullmatch(answer.strip())
    return plain_words(answer) if found and re.search(r"[^\W\d_]", found[1]) else None


def plain_words(answer: str) -> str:
    """Letters and digits of a text answer, in lower case, without article."""
    words = re.sub(r"[^\w\s-]", " ", _WORDS.sub(r"\1", answer)).casefold().split()
    return " ".join(word for word in words if word not in ("a", "an", "the") or len(words) == 1)
