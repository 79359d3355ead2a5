import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.texts.answers import find_answer
from builder.texts.boxes import boxed_answer
from builder.texts.golds import gold_of


@pytest.mark.parametrize(
    ("text", "snippet"),
    [
        (r"so $x = \boxed{5}$.", r"\boxed{5}"),
        (r"first \boxed{4}, no: I was wrong. It is \boxed{5}", r"\boxed{5}"),
        (r"\boxed{\frac{1}{2}}", r"\boxed{\frac{1}{2}}"),
        (r"\boxed{ 104. }", r"\boxed{104}"),
        (r"\boxed{0.333...}", r"\boxed{0.333...}"),
        (r"\boxed {5}", r"\boxed{5}"),
        (r"\fbox{5} of \framebox{6}", r"\boxed{6}"),
        (r"\\boxed{5}", r"\boxed{5}"),
        (r"\boxed{\{1, 2\}}", r"\boxed{\{1, 2\}}"),
        (r"\boxed{\left\{ x \right.}", r"\boxed{\left\{ x \right.}"),
        (r"\boxed{\begin{matrix} 1 \\{2} \end{matrix}}", r"\boxed{\begin{matrix} 1 \\{2} \end{matrix}}"),
        (r"\boxed{x = \boxed{5}}", r"\boxed{x = \boxed{5}}"),
        (r"} a stray brace, and \boxed{5}", r"\boxed{5}"),
        (r"{ never closed, and \boxed{5}", r"\boxed{5}"),
        (r"\boxed{ \frac{1 \boxed{5}", r"\boxed{5}"),
    ],
)
def test_the_last_closed_box_is_graded(text: str, snippet: str):
    assert boxed_answer(text) == snippet


@pytest.mark.parametrize(
    ("text", "snippet"),
    [
        (r"$\boxed{12}$ and $\boxed{345}$", r"\boxed{12, 345}"),
        (r"\boxed{1}, \boxed{2}, or \boxed{3}", r"\boxed{1, 2, 3}"),
        (r"\(\boxed{1}\) \text{ or } \[\boxed{2}\]", r"\boxed{1, 2}"),
        ("\\boxed{1}\n\n\\boxed{2}", r"\boxed{1, 2}"),
        (r"\boxed{1}, so the others are $\boxed{2}$ and $\boxed{3}$", r"\boxed{2, 3}"),
        (r"\boxed{7} and \boxed{7}", r"\boxed{7}"),
        (r"\boxed{1} + \boxed{2}", r"\boxed{2}"),
        (r"\boxed{1} and therefore \boxed{2}", r"\boxed{2}"),
    ],
)
def test_boxes_joined_by_commas_and_words_are_one_answer(text: str, snippet: str):
    assert boxed_answer(text) == snippet


@pytest.mark.parametrize("text", ["", "5", r"\boxed", r"\boxed 5", r"\boxed{5", r"\boxed{5\}", r"\boxedx{5}"])
def test_no_closed_box_is_none(text: str):
    assert boxed_answer(text) is None


DEEP = 30_000
NESTED = r"\boxed{" * DEEP + "}" * DEEP
BRACES = r"\boxed{" + "{" * DEEP + "5" + "}" * DEEP + "}"


# Quadratic code would need minutes for these.
@pytest.mark.parametrize(
    ("text", "snippet"),
    [
        (r"\boxed{" * DEEP, None),
        (NESTED, NESTED),
        (BRACES, BRACES),
        ("\\" * 10 * DEEP + "boxed{5}", r"\boxed{5}"),
        ((r"\boxed" + " " * 1_000) * 300, None),
        (r"\boxed{5} and " * DEEP, r"\boxed{5}"),
        ((r"\boxed{5}" + " and" * 10 + " then ") * 5_000, r"\boxed{5}"),
        (r"\boxed{5}" + "\n" * 10 * DEEP + "x", r"\boxed{5}"),
        ("####" * DEEP, None),
    ],
    ids=range(9),
)
def test_hostile_texts_take_linear_time(text: str, snippet: str | None):
    assert boxed_answer(text) == snippet
    find_answer(text)
    gold_of(None, text)
    gold_of(text, "")


@given(st.text(alphabet="\\{}boxedf$, 1.#\n"))
def test_a_snippet_is_a_closed_box_that_is_found_again(text: str):
    snippet = boxed_answer(text)
    if snippet is not None:
        assert boxed_answer(snippet) == snippet
