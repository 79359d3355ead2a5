"""Texts that state two different answers."""

import json
import re

import pytest

from builder.texts.contradictions import contradicts_itself


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 20, but you cannot include them in the final answer of 23",
        r"\boxed{4}. No: \boxed{5}",
        r"The answer is 143. So \boxed{49}.",
        "Answer: 12\n\n#### 13",
        "The answer is 1,200. Therefore the answer is 1,300.",
        r"The answer is \frac{1}{2}. So \boxed{0.25}",
    ],
)
def test_two_numbers_contradict_each_other(text):
    assert contradicts_itself(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The answer is 5.",
        r"The answer is 5, so \boxed{5}.",
        r"The answer is $5.00. \boxed{5}",
        r"The answer is 20%. \boxed{0.2}",
        r"The answer is 1/3. \boxed{0.33}",
        r"The answer is 1,200. \boxed{1200}",
        r"x = \boxed{4} and then y = \boxed{5}",
        r"(a) The answer is 4. (b) The answer is 5.",
        r"\boxed{4} and \boxed{5}",
        "If the answer is 4, then it is not 5. The answer is 5.",
        "The answer is correct. The answer is 5.",
        r"\boxed{x + 1} or, for x = 2, \boxed{3}",
    ],
)
def test_one_answer_does_not(text):
    assert not contradicts_itself(text)


def test_experts_hardly_ever_do(shared_data):
    with (shared_data / "gsm8k_train.jsonl").open() as lines:
        texts = [re.sub(r"<<.*?>>", "", json.loads(line)["answer"]) for line in lines]
    with (shared_data / "math500.jsonl").open() as lines:
        texts += [json.loads(line)["solution"] for line in lines]
    assert sum(map(contradicts_itself, texts)) <= 2  # a story about the answers of math problems, and a wrong sum
