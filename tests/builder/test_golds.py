"""Where the gold answer of a source row stands."""

import pytest

from builder.golds import gold_of


@pytest.mark.parametrize(
    ("answer", "solution", "gold"),
    [
        ("5", r"\boxed{6}", "5"),
        (" $x+1$ ", "", "x+1"),
        (r"$(-\infty, 0)$.", "", r"(-\infty, 0)"),
        (r"$\boxed{5}$", "", "5"),
        (r"$5$ and $6$", "", r"$5$ and $6$"),
        (r"\boxed{5} cm", "", r"\boxed{5} cm"),
        ("  ", r"so \boxed{6}", "6"),
        ("$$", r"so \boxed{6}", "6"),
        (None, r"\boxed{5} or rather \boxed{6}", "6"),
        (None, r"roots are $\boxed{2}$ and $\boxed{-5}$.", "2, -5"),
        (None, r"\boxed{4} then \boxed{ \sqrt{2} }", r"\sqrt{2}"),
        (None, r"\boxed{4} then \boxed{ }", None),
        (None, "Sum: 1,000\n#### 1,234,567\n", "1234567"),
        (None, "#### 1\n#### 2\nand more", "2"),
        (None, r"\boxed{7} #### 8", "7"),
        (None, "no answer here", None),
        (None, "#### ", None),
        (None, r"\boxed{5", None),
    ],
)
def test_gold_of(answer: str | None, solution: str, gold: str | None):
    assert gold_of(answer, solution) == gold
