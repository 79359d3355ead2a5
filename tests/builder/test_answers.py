import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.answers import TAIL_CHARACTERS, boxed_answer, gold_of, graded_text, last_box


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
    assert last_box(text) is None


def test_last_box_is_stripped_and_an_empty_one_is_none():
    assert last_box(r"\boxed{4} then \boxed{ \sqrt{2} }") == r"\sqrt{2}"
    assert last_box(r"\boxed{4} then \boxed{ }") is None


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


def test_an_unclosed_box_shows_nothing_even_if_the_answer_stands_before_it():
    assert graded_text(r"The answer is 5. \boxed{5") == ""


def test_without_a_box_the_end_of_the_response_is_shown():
    response = "x" * 10_000 + "The answer is 5."
    assert graded_text(response) == response[-TAIL_CHARACTERS:]
    assert graded_text(" \n") == ""


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        ("He answered 12 questions.\n#### 1,200\n", r"\boxed{1200}"),
        ("#### $7.50", r"\boxed{$7.50}"),
        ("#### Step 2\nThe answer is 5.", "#### Step 2\nThe answer is 5."),
        ("#### 2. Step\nThe answer is 5.", "#### 2. Step\nThe answer is 5."),
    ],
)
def test_a_final_number_behind_hashes_is_the_answer(response: str, shown: str):
    assert graded_text(response) == shown


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
    graded_text(text)
    gold_of(None, text)
    gold_of(text, "")


@given(st.text(alphabet="\\{}boxedf$, 1.#\n"))
def test_a_snippet_is_a_closed_box_that_is_found_again(text: str):
    snippet = boxed_answer(text)
    if snippet is not None:
        assert boxed_answer(snippet) == snippet
