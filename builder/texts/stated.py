r"""Answers that a text states in words, "the answer is 12": pure functions, linear in the text's length.

What counts is what real models write: "the (final) answer is N", "Answer: N", "the answer to this problem would be N",
"a final answer of N", a heading "Final answer" with N below it; N in bold, in math or bare, money, a percentage, a
fraction, a letter of a choice, a short formula, a few words. A condition ("if the answer is 12"), a question ("is the
answer 12?") and talk about an answer ("the answer is correct") state nothing.
"""

import re
from dataclasses import dataclass

from builder.texts.boxes import opens_box, tidy

_MARKER = re.compile(
    r"""(?<![A-Za-z])answers?
    (?:\s+(?:to|for|of)\s+(?:this|the|our|your|that|part)\b[^.:=?\n]{0,80}?)?
    (?P<link>[\s*_]*[:=]
      |\s+(?:is|are|was|would\ be|should\ be|will\ be|must\ be|equals|becomes|comes\ (?:out\ )?to(?:\ be)?)\b\s*:?
      |(?<=final\ answer)\ of\b|(?<=correct\ answer)\ of\b
      |(?<=final\ answer)[*_]{0,3}[ ]*(?=\n)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_HYPOTHESIS = re.compile(
    r"(?:\bif|whether|suppose|assum\w+|\blet|until|\bis|check|make sure|guess)\s+(?:that\s+)?"
    r"(?:(?:the|an|our|your|my)\s+)?(?:(?:final|correct|right)\s+)*\Z",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"(?:[\s*_:]|\\[,;:! ]|(?:therefore|thus|then|simply|just|exactly|approximately|about|indeed|equal to|given by"
    r"|option|choice|letter|hence|clearly|now|still|also|around|roughly)\b,?)*+",
    re.IGNORECASE,
)
# What is said about an answer instead of stating it.
_TALK = re.compile(
    r"(?:not|correct|incorrect|wrong|right|below|above|as follows|obtained|found|given|in|the same|that|to|clear|simple"
    r"|only|an?\s+(?:integer|number|fraction)\b|this|your|our|we|you|they|it|because|based|calculated|expressed"
    r"|rounded|written|already|unique|known|unknown)\b",
    re.IGNORECASE,
)
_MATH = re.compile(
    r"\$\$(?P<a>[^$]{1,400})\$\$|\$(?P<b>[^$\n]{1,400})\$|\\\((?P<c>.{1,400}?)\\\)|\\\[(?P<d>.{1,400}?)\\\]", re.DOTALL
)
_PROSE_WORDS = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,}\s+[A-Za-z]{2,}")
_LETTER = re.compile(r"\(?(?P<letter>[A-J])(?:\)|(?=[.:,;*]|\s*(?:\n|\Z)))")

_NUMBER = r"(?:\d{1,3}(?:,\d{3})++(?![\d])|\d++)(?:\.\d++)?|\.\d++"
_TERM = rf"[-+−]?\s?(?:\\?[$€£]\s?)?(?:{_NUMBER})(?:\s?\\?%)?"
_EXPRESSION = rf"\(?{_TERM}\)?(?:\s?[-+−*/×÷^]\s?\(?{_TERM}\)?|\s\d++/\d++)*+"
_VALUE = re.compile(rf"(?:[A-Za-z]\s?=\s?)?(?P<chain>{_EXPRESSION}(?:\s?=\s?{_EXPRESSION})*+)")
_MORE = re.compile(
    rf"(?:\s[A-Za-z]+){{0,3}}?\s*(?:,|;|&|\band\b|\bor\b)\s*(?:and\s|or\s)?\s*(?P<next>{_TERM})(?![\d/])"
)
_UNITS_REACH_ON = re.compile(r"(?:\s[A-Za-z]+){1,3}\s*[*×÷/+=]")  # 15 gallons * 8 pints / gallon = 120 pints
_GLUED = re.compile(r"[A-Za-z](?![A-Za-z])|\\(?![%$()\[\]])|\^|_\{|√|π|!(?=\s*[+*/])|\s?[*+/=<>-]\s?[A-Za-z\\(]|:\d")
_FORMULA = re.compile(
    r"(?:\\[A-Za-z]+|(?:sqrt|pi|sin|cos|tan|log|ln|exp|or|and)\b|[A-Za-z](?![A-Za-z])|[^A-Za-z.?!\n;]|\.(?=\d))++"
)
_EQUATIONS = re.compile(r"[^=<>≠]*[^=<>≠!\\](?:=[^=<>]+)+")
_SENTENCE = re.compile(r"(?:[^\n.?!]|\.(?=\d)|!(?=\s*[-+*/=\\])){0,300}")
_SEVERAL = re.compile(r"\s*(?:,|;|and\b)\s*(?:and\s)?[A-Za-z]\s*=")
_CLAUSE = re.compile(r"[^\n.?!]{1,200}")
_MOST_WORDS = 6
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


@dataclass(frozen=True)
class Stated:
    """An answer that is stated in words.

    Attributes:
        position: where it is stated.
        value: as it would stand in a box.
        words: whether it is prose, rather than a value or a formula.
    """

    position: int
    value: str
    words: bool = False


def stated_answers(text: str) -> list[Stated]:
    """Every answer that a text states in words, in order; those in boxes are not among them."""
    found = (_stated(text, marker) for marker in _MARKER.finditer(text))
    return [answer for answer in found if answer is not None]


def _stated(text: str, marker: re.Match[str]) -> Stated | None:
    if _HYPOTHESIS.search(text, max(0, marker.start() - 40), marker.start()):
        return None
    begin = _FILLER.match(text, marker.end()).end()
    if opens_box(_SENTENCE.match(text, begin)[0]):
        return None  # the box states it
    for read in (_in_math, _letter, _number, _formula, _words):
        if (answer := read(text, begin)) is not None:
            value, end = answer
            asked = text[end : end + 40].lstrip(" *_)").startswith("?")
            return Stated(marker.start(), value, read is _words) if value and not asked else None
    return None


def _in_math(text: str, begin: int) -> tuple[str, int] | None:
    """`$...$`, `\\(...\\)` and the like; but not the dollars of "$5 is more than $4"."""
    math = _MATH.match(text, begin)
    if math is None:
        return None
    content = next(filter(None, math.groups()), "")
    if _PROSE_WORDS.search(re.sub(r"\\text\{[^}]*\}", "", content)):
        return None
    return _right_side(tidy(content)), math.end()


def _letter(text: str, begin: int) -> tuple[str, int] | None:
    """The letter of a choice, with the value behind it: `B.`, `(B) 12`."""
    found = _LETTER.match(text, begin)
    if found is None:
        return None
    if found[0].endswith(")") and (option := _number(text, _FILLER.match(text, found.end()).end())):
        return rf"\textbf{{({found['letter']})}}\ {option[0]}", option[1]
    return found["letter"], found.end()


def _number(text: str, begin: int) -> tuple[str, int] | None:
    found = _VALUE.match(text, begin)
    if found is None or _GLUED.match(text, found.end()) or _SEVERAL.match(text, found.end()):
        return None
    if _UNITS_REACH_ON.match(text, found.end()):
        return "", found.end()
    values, end = [_plain(_right_side(found["chain"]))], found.end()
    while more := _MORE.match(text, end):
        values.append(_plain(more["next"]))
        end = more.end()
    return ", ".join(values), end


def _formula(text: str, begin: int) -> tuple[str, int] | None:
    found = _FORMULA.match(text, begin, begin + 200)
    if found is None or not re.search(r"[\d=^\\]", found[0]):
        return None
    return _right_side(found[0].strip(" ,:*_$")), found.end()


def _words(text: str, begin: int) -> tuple[str, int] | None:
    if _TALK.match(text, begin):
        return None
    found = _CLAUSE.match(text, begin)
    words = found[0].strip(" *_\"'(),:").split() if found else []
    if not 1 <= len(words) <= _MOST_WORDS or "\\" in found[0]:
        return None
    return rf"\text{{{' '.join(words)}}}", found.end()


def _right_side(chain: str) -> str:
    """What an equation comes to: the part behind the last `=`, where what stands before it is a sum or a name."""
    one_chain = _EQUATIONS.fullmatch(chain) and not _SEVERAL.search(chain)
    return chain.rpartition("=")[2].strip() if one_chain else chain.strip()


def _plain(number: str) -> str:
    """A number as LaTeX has it."""
    number = _THOUSANDS.sub("", number.strip()).replace("−", "-").replace("×", r"\times ").replace("÷", r"\div ")
    return re.sub(r"(?<!\\)([%$])", r"\\\1", number)
