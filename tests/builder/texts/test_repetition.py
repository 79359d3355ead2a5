import random

import pytest

from builder.texts import repetition
from builder.texts.repetition import repeats_itself
from tests.experts import expert_texts


@pytest.mark.parametrize(
    "text",
    [
        "What does it mean to add 14 to 7? " * 3,
        "So 14.\n" + "The answer is 5.\n" * 3,
        "The answer is $\\boxed{5}$. the ANSWER  is $\\boxed{5}$. The answer is $\\boxed{5}$.",
        "He has 5 apples. She has 6 pears. " * 3,
        "Calculate " + "the sum of " * 6 + "all.",
        "no " * 12,
        "\\ref{" + "123: " * 60,
        "1 + " * 60 + "1 = 61",
        "a" * 10**6,
        "0.1" + "6" * 200,
        "これは 答え です。" * 3,
    ],
)
def test_loops(text):
    assert repeats_itself(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n" * 1000,
        "-" * 1000 + "|---" * 100,
        "1 + 1 = 2\n1 + 2 = 3\n1 + 3 = 4\n1 + 4 = 5\n1 + 5 = 6",
        "1 + 1 = 2\n" * 5,
        "2 * " * 30 + "2",
        "$3 + $3 + $3 + $3 + $3 + $3 + $3 = $21",
        "2 cups of milk + 2 cups of milk + 2 cups of milk + 2 cups of milk = 8 cups of milk",
        "31 days + " * 11 + "31 days",
        "Case 1: x = 1. It does not work.\nCase 2: x = 2. It does not work.\nCase 3: x = 3. It does not work.",
        "\\begin{pmatrix} 0 & 0 & 0 \\\\ 0 & 0 & 0 \\\\ 0 & 0 & 0 \\\\ 0 & 0 & 0 \\end{pmatrix}",
        "| yes | no |\n| yes | no |\n| yes | no |\n| no | yes |",
        "For the next hour he walks 3 miles. For the next hour he walks 3 miles. So he walks 6 miles.",
        "\\frac{1}{2} + " * 20 + "\\frac{1}{2}",
        "10" + "0" * 100,
    ],
)
def test_what_solutions_repeat_for_good_reason(text):
    assert not repeats_itself(text)


def test_numbers_with_a_point_end_no_sentence():
    assert not repeats_itself("0.5 cups of milk + " * 4)


@pytest.mark.parametrize("text", ["ab " * 10**5, ("a" * 199 + "b") * 2000, "\u202e\x00é" * 10**5])
def test_hostile_texts_are_answered(text):
    assert repeats_itself(text) in (True, False)


def test_a_long_text_without_order_is_no_loop():
    draw = random.Random(0)
    assert not repeats_itself(" ".join(draw.choice(["one", "two", "3", "+"]) for _ in range(10**5)))


@pytest.mark.slow
def test_no_expert_raises_an_alarm(shared_data):
    texts = expert_texts(shared_data)
    assert sum(map(repeats_itself, texts)) <= len(texts) / 1000


@pytest.mark.parametrize("times", [3, 6, 12, 60])
@pytest.mark.parametrize("unit", ["a b c. ", "ten red hens ", "so so ", "2 * ", "one\ntwo three four\n"])
def test_the_quick_look_misses_no_loop(unit, times, monkeypatch):
    text = "It begins here. " + unit * times + "It ends."
    found = repeats_itself(text)
    monkeypatch.setattr(repetition, "_any_thrice", lambda probes: True)
    monkeypatch.setattr(repetition, "_may_have_period", lambda probes, size: True)
    assert found == repeats_itself(text)
