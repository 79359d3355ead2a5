"""Which form an answer has, and what is no answer."""

import pytest

from builder.texts.answers import FORMS, TAIL_CHARACTERS, Answer, find_answer


@pytest.mark.parametrize(
    ("text", "form", "shown"),
    [
        (r"The answer is 4. No: \boxed{5}", "boxed", r"\boxed{5}"),
        ("He answered 12 questions.\n#### 1,200\n", "hash", r"\boxed{1200}"),
        ("#### $7.50", "hash", r"\boxed{$7.50}"),
        ("#### 72 apples", "hash", r"\boxed{72}"),
        ("#### Step 2\nThe answer is 5.", "stated", r"\boxed{5}"),
        ("#### 2. Step\nThe answer is 5.", "stated", r"\boxed{5}"),
        ("The answer is 5. The answer is correct.", "stated", r"\boxed{5}"),
        ("It is 83 and so 80", "trailing", "It is 83 and so 80"),
    ],
)
def test_the_strictest_form_counts(text, form, shown):
    assert find_answer(text) == Answer(form, shown)


def test_an_unclosed_box_is_no_answer_even_if_one_stands_before_it():
    assert find_answer(r"The answer is 5. \boxed{5") is None


def test_a_trailing_answer_stands_at_the_end():
    text = "x" * 10_000 + " It is 5."
    assert find_answer(text) == Answer("trailing", text[-TAIL_CHARACTERS:])
    assert find_answer(" \n") is None


def test_forms_count_from_the_strictest_to_the_laxest():
    found = {form: [Answer(form, "5").counts(laxest) for laxest in ("boxed", "stated", "trailing")] for form in FORMS}
    assert found == {
        "boxed": [True, True, True],
        "hash": [False, True, True],
        "stated": [False, True, True],
        "trailing": [False, False, True],
    }


PROBLEM = "What is 83 - 3?"


@pytest.mark.parametrize("text", ["What is 83 - 3?", "I see.\nWhat is 83 - 3?", "Let me think. 83-3", "83 − 3"])
def test_a_repeated_question_is_no_trailing_answer(text):
    found = find_answer(text, PROBLEM)
    assert found is None or "83" not in found.text
    assert "83" in find_answer(text).text.replace("−", "-")


@pytest.mark.parametrize("text", [r"\boxed{83 - 3}", r"\boxed{83-3}", "The answer is 83 - 3."])
def test_a_repeated_expression_is_marked(text):
    assert find_answer(text, PROBLEM).restates
    assert not find_answer(text).restates


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (r"\boxed{80}", PROBLEM),
        (r"\boxed{3}", PROBLEM),
        (r"\boxed{3/4}", "Is 3/4 or 5/8 larger?"),
        ("It is 80", PROBLEM),
        (r"\boxed{x + 1}", "Factor x^2 - 1 and name the larger root."),
    ],
)
def test_a_value_is_none_even_if_the_problem_has_it(text, problem):
    assert not find_answer(text, problem).restates
    assert find_answer(text, problem).text
