r"""Notation that math-verify does not read, rewritten into what it does; pure, and linear in the text's length.

`plain` is applied to gold answers and to answers alike, so that neither side is favoured.
"""

import re
import unicodedata
from fractions import Fraction

_WORDS = {"∞": r"\infty ", "²": "^2", "³": "^3", **dict.fromkeys("€£¥₹", "")}
_LAYOUT = "\n\r\t"
_INVISIBLE = {code: None for code in range(128) if not chr(code).isprintable() and chr(code) not in _LAYOUT}
_COMMANDS = {r"\varnothing": r"\emptyset"}
_COMMAND = re.compile(r"\\varnothing(?![A-Za-z])")
# 10\,000 and 10 000; math-verify itself reads 10,000 and 10{,}000.
_THIN_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:(?:\\[,:; ]|[ ~\u00a0\u2009\u202f])\d{3})++(?!\d)")
_BRACED_COLON = re.compile(r"(?<=\d)\{:\}(?=\d)")
# How far a bare root reaches is only clear over one number or letter.
_ROOT = re.compile(r"√\s?(\d{1,30}(?:\.\d{1,30})?|[A-Za-z])(?![\w^(]|\.\d|\s?[A-Za-z(])")
_REPEATING = re.compile(r"(?<![\d.,])(\d{0,30})\.(\d{0,30})\\overline\s?\{(\d{1,30})\}")


def plain(text: str) -> str:
    r"""The text without invisible characters, with ASCII digits, and with these rewritten.

    `10\,000` (10000), `0.1\overline{6}` (\frac{1}{6}), `x²`, `∞`, `\varnothing`, `√2`, `7{:}30`; currency signs but
    the dollar go.
    """
    if text.isascii():
        text = text.translate(_INVISIBLE)
    else:
        text = "".join(c for c in map(_character, text) if c.isprintable() or c in _LAYOUT)
    text = _COMMAND.sub(lambda found: _COMMANDS[found[0]], text)
    text = _THIN_THOUSANDS.sub(lambda found: re.sub(r"\D", "", found[0]), text)
    text = _ROOT.sub(r"\\sqrt{\1}", _BRACED_COLON.sub(":", text))
    return _REPEATING.sub(lambda found: _fraction(*found.groups()), text)


def _character(character: str) -> str:
    if character in _WORDS:
        return _WORDS[character]
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Zs":  # spaces of all widths
        return " "
    return character


def _fraction(whole: str, fixed: str, repeated: str) -> str:
    r"""`0.1\overline{6}` is 1/10 + 6/90."""
    scale = 10 ** len(fixed)
    value = Fraction(int(whole + fixed or 0), scale) + Fraction(int(repeated), scale * (10 ** len(repeated) - 1))
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
