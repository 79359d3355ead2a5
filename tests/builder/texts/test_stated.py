"""Answers that are stated in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.texts.stated import stated_answers

STATED = {
    "The answer is 5.": "5",
    "The final answer is $5$. I hope it is correct.": "5",
    "Final answer: 5": "5",
    "**Answer:** 12": "12",
    "Answer: **1,234**": "1234",
    r"The answer is \textbf{5}.": r"\textbf{5}",
    "The answer is B.": "B",
    "the answer is (B) 12": r"\textbf{(B)}\ 12",
    "The correct answer is option C": "C",
    "The answer is five.": r"\text{five}",
    "The answer is yes.": r"\text{yes}",
    "The answer is A triangle with sides": r"\text{A triangle with sides}",
    "The answer is 83 - 3 = 80.": "80",
    "The answer is $80.": r"\$80",
    "So the answer is $80 and not $70.": r"\$80",
    r"the answer is \$18": r"\$18",
    "The answer is $12 + 3 = 15$": "15",
    "The answer is 5 apples and 3 pears.": "5, 3",
    "The answer is 12, 15 and 18.": "12, 15, 18",
    "The answer is 5x + 3.": "5x + 3",
    "The answer is 3/4.": "3/4",
    "The answer is 2 1/2 cups": "2 1/2",
    "The answer to this problem is 20%.": r"20\%",
    "### Final Answer\n\n42 apples": "42",
    "**Final Answer**\n\n\\[ 42 \\]": "42",
    "The answer is:\n\n$$x = \\frac{1}{2}$$": r"\frac{1}{2}",
    "The answer is 5!": "5",
    "The answer is x = 7": "7",
    "The answer is a=5, b=6, and d=4": "a=5, b=6, and d=4",
    "The answer is -3.5 degrees.": "-3.5",
    "The answer is sqrt(2).": "sqrt(2)",
    "The answer is 5 because 2 + 3 = 5": "5",
    "The answer is 5, because 3 of them are left": "5",
    "The answer is: 5\n\n6. Next": "5",
    "The answer would be 7 dollars.": "7",
    "This gives a final answer of 23.": "23",
}


@pytest.mark.parametrize(("text", "value"), STATED.items())
def test_a_stated_answer_is_found(text, value):
    assert [answer.value for answer in stated_answers(text)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "There are 5 left.",
        "If the answer is 5, then 3 is wrong.",
        "Is the answer 5?",
        "The answer is 5?",
        "The answer is correct.",
        "The answer is not 5.",
        "The answer is in the table below.",
        "The final answer is 15 gallons * 8 pints / gallon = 120 pints",
        "Put the answer in a box.",
        "Check whether the answer is 5.",
        r"The answer is $3! \times 5! = \boxed{720}$.",
        "She answered 12 questions.",
        "The answer",
        "The answer is",
    ],
)
def test_talk_about_an_answer_states_none(text):
    assert stated_answers(text) == []


def test_two_statements_are_two_answers():
    text = "The answer is 20, but you cannot include them in the final answer of 23"
    assert [answer.value for answer in stated_answers(text)] == ["20", "23"]


# Quadratic code would need minutes for these.
@pytest.mark.parametrize(
    "text",
    ["the answer is " * 50_000, "answer: " + "1" * 10**6, "answer is $" + "x " * 10**5, "answer" + " " * 10**6]
    + ["the answer is " + piece * 10**5 for piece in ("1 and ", "1+", "a ", r"\frac{", "(", "$", "x=", "1,000,")],
)
def test_hostile_texts_take_linear_time(text):
    stated_answers(text)


@given(st.text(alphabet="the answr is:=*$\\(){}12.,+ \n"))
def test_whatever_the_text_a_value_says_something(text):
    assert all(answer.value for answer in stated_answers("answer is " + text))
