"""What a problem asks about, beside its words: its numbers, and the signs between them.

Two problems that share nearly all of their words are two problems all the same if one says 7 where the other says 8,
or `<` for `>`.
"""

import re
from fractions import Fraction

from builder.texts.final_number import numbers_in

_MINUS, _OVER = r"(?<![^\W\d_])-(?![^\W\d_])", r"(?<![^\W\d_])/(?![^\W\d_])"  # beside letters: a hyphen, and/or
_SIGN = re.compile(rf"\\[A-Za-z]+|{_MINUS}|{_OVER}|[+*=<>^|×÷·−≤≥≠±√∑∏∫∞∈∩∪→]")
_SAME = {
    **dict.fromkeys((r"\times", r"\cdot", r"\ast", "×", "·"), "*"),
    **dict.fromkeys((r"\frac", r"\dfrac", r"\tfrac", r"\div", r"\over", "÷"), "/"),
    **dict.fromkeys((r"\leq", r"\leqslant", "≤"), r"\le"),
    **dict.fromkeys((r"\geq", r"\geqslant", "≥"), r"\ge"),
    **dict.fromkeys((r"\neq", "≠"), r"\ne"),
    **{"−": "-", r"\lt": "<", r"\gt": ">", "±": r"\pm", "√": r"\sqrt", "∑": r"\sum", "∏": r"\prod", "∫": r"\int"},
    **{"∞": r"\infty", "∈": r"\in", "∩": r"\cap", "∪": r"\cup", "→": r"\to", r"\rightarrow": r"\to"},
}
_LOOKS = frozenset(
    rf"\{name}"
    for name in """
    left right big Big bigl bigr Bigl Bigr text textbf textit textrm mathrm mathbf mathit mathsf mathcal mathbb bf rm it
    displaystyle textstyle limits nolimits quad qquad hspace vspace hfill newline par item begin end label tag boxed
    operatorname ensuremath phantom mbox hline centering small large""".split()
)


def quantities(text: str) -> tuple[tuple[Fraction, ...], tuple[str, ...]]:
    """The numbers of a text, in digits or in words, and its signs, each sorted; how they are set makes no difference.

    Signs are operators, relations and LaTeX's commands, but for those that only say how something looks.
    """
    signs = (_SAME.get(found, found) for found in _SIGN.findall(text))
    return tuple(sorted(numbers_in(text))), tuple(sorted(sign for sign in signs if sign not in _LOOKS))
