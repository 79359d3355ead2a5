r"""What fills a box, rewritten where a reader sees one thing and math-verify another; pure, on short texts only.

Every rule matches the content as a whole, so that nothing is read out of a longer text. `reading` is applied to gold
answers and to answers alike.

| content | read as |
| --- | --- |
| `**5**`, `\text{The answer is 5}`, `\text{five}`, `–5` | `5`, `5`, `5`, `-5` |
| `]0, 1[` | `(0, 1)` |
| `\text{no solutions}`, `\text{none}`, `\varnothing` | `\emptyset` |
| `x < -1 \text{ or } x > 1`, `x \ne 3`, `\{x \mid -1 < x < 2\}` | the union of intervals, the interval |
| `12 \text{ apples and } 3 \text{ pears}` | two quantities, in order: `(12, 3)` |
"""

import re

from builder.verification.inequalities import MOST_CHARACTERS, solution_set

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TEN_WORDS = {word: 10 * number for number, word in enumerate(_TENS.split(), 2)}
_NUMBER_WORDS = {word: number for number, word in enumerate(_ONES.split())} | _TEN_WORDS

_STYLE = r"\\(?:text|textbf|textrm|textit|mathrm|mathbf|mbox)"
_STYLED = re.compile(rf"{_STYLE}\s*\{{(?P<inside>[^{{}}]*)\}}")
_STARRED = re.compile(r"\*\*(?P<inside>[^*]+)\*\*|__(?P<inside_>[^_]+)__")
_SAYING = re.compile(r"(?:the\s+)?(?:final\s+|correct\s+)?answer\s*(?:is|:)?\s*:?\s*", re.IGNORECASE)
_SAID = re.compile(
    r"(?:(?:so|thus|hence|therefore)\W+)?(?:the\s+)?(?:final\s+|correct\s+)?answer\s*(?:is|:|=)\s*:?\s*(?P<inside>[^.].*?)\.?",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN_NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?")
_REASONED = re.compile(r"(?P<inside>[^=]+?)[\s,]*\\text\s?\{\s*(?:because|since)\b.*", re.DOTALL)
_DASHED = re.compile(r"[–—‐‑‒]\s?(?P<number>\d{1,30}(?:\.\d{1,30})?)")
_REVERSED = re.compile(r"(?P<left>[\](\[])(?P<inside>[^\[\]();]{1,100}[,;][^\[\]();]{1,100})(?P<right>[\[)\]])")
_THINGS = r"(?:solutions?|roots?|values?|numbers?|integers?|primes?|answers?|triples?|pairs?|functions?|x|n)"
_NOTHING = re.compile(
    rf"(?:the\s+)?empty\s+set|none|(?:there\s+(?:is|are|exists?)\s+)?(?:no|not\s+any)\s+(?:such\s+(?:[a-z]+\s+){{0,2}})?"
    rf"(?:(?:real|integer|positive|valid|possible|rational|complex|natural|whole)\s+){{0,2}}{_THINGS}(?:\s+exists?)?"
    r"(?:\s+in\s+(?:real\s+numbers|reals|integers|positive\s+integers))?",
    re.IGNORECASE,
)
_BRACED_EMPTY = re.compile(r"(?:\\left\s*)?\\\{(?:\s|\\[,;:! ]|~)*(?:\\right\s*)?\\\}")

_QUANTITY = r"(?P<number>[-+]?(?:\\?\$)?(?:\d[\d,]*(?:\.\d+)?|\\d?frac\s?\{\d+\}\s?\{\d+\}))"
_UNIT = (
    rf"(?P<unit>(?:\s|~|\\[,;:! ]|,|{_STYLE}\s*\{{[^{{}}\d\\]*\}}(?:\^\{{?\d\}}?)?"
    r"|(?<![\\A-Za-z])[a-z]{3,}(?![A-Za-z]))*+)"
)
_QUANTITIES = re.compile(_QUANTITY + _UNIT)
_WORD = re.compile(r"[A-Za-z]{2,}")
_JOINING = {"and", "or", "text", "textbf", "textrm", "textit", "mathrm", "mathbf", "mbox"}


def reading(content: str) -> str:
    """What the content of a box stands for; the content itself where no rule knows better."""
    if len(content) > MOST_CHARACTERS:
        return content
    for rule in (_bare, _empty, solution_set, _reversed_brackets, _quantities):
        content = rule(content) or content
    return content


def _bare(content: str) -> str | None:
    """Without emphasis and without "the answer is" around it; number words and a lone dash as digits and minus."""
    content = content.strip()
    if starred := _STARRED.fullmatch(content):
        content = (starred["inside"] or starred["inside_"]).strip()
    if reasoned := _REASONED.fullmatch(content):
        return _bare(reasoned["inside"])
    styled = _STYLED.match(content)
    if styled and _SAYING.fullmatch(styled["inside"]) and styled.end() < len(content):
        return _bare(content[styled.end() :])
    inside = (styled["inside"] if styled and styled.end() == len(content) else content).strip()
    if _PLAIN_NUMBER.fullmatch(inside):
        return inside
    if said := _SAID.fullmatch(inside):
        return _bare(said["inside"])
    if dashed := _DASHED.fullmatch(inside):
        return "-" + dashed["number"]
    return _number_word(inside) or content


def _number_word(text: str) -> str | None:
    """`five`, `minus five` and `twenty-five` in digits."""
    words = text.lower().strip(" .").replace("-", " ").split()
    sign = "-" if words[:1] in (["minus"], ["negative"]) else ""
    words = words[1:] if sign else words
    numbers = [_NUMBER_WORDS.get(word) for word in words]
    if None in numbers or not 1 <= len(numbers) <= 2:
        return None
    if len(numbers) == 2 and not (words[0] in _TEN_WORDS and 1 <= numbers[1] <= 9):
        return None
    return f"{sign}{sum(numbers)}"


def _empty(content: str) -> str | None:
    styled = _STYLED.fullmatch(content)
    words = " ".join((styled["inside"] if styled else content).split()).strip(" .")
    return r"\emptyset" if _NOTHING.fullmatch(words) or _BRACED_EMPTY.fullmatch(content) else None


def _reversed_brackets(content: str) -> str | None:
    """`]0, 1[` as the rest of the world writes it; only where at least one bracket looks away."""
    found = _REVERSED.fullmatch(content)
    if not found or not (found["left"] == "]" or found["right"] == "["):
        return None
    left, right = ("(" if found["left"] == "]" else found["left"]), (")" if found["right"] == "[" else found["right"])
    return f"{left}{found['inside'].replace(';', ',')}{right}"


def _quantities(content: str) -> str | None:
    """Several numbers with words between them that are more than "and": not the first of them, but all."""
    found = list(_QUANTITIES.finditer(content))
    if len(found) < 2 or "".join(match[0] for match in found) != content.strip():
        return None
    between = [set(map(str.lower, _WORD.findall(match["unit"]))) - _JOINING for match in found[:-1]]
    return f"({', '.join(match['number'] for match in found)})" if any(between) else None
