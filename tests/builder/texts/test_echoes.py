import pytest

from builder.method.prompts import shipped
from builder.texts.echoes import echoes_prompt, instruction_phrases
from tests.experts import expert_texts

PROMPTS = [shipped("guided"), shipped("plain")]


@pytest.mark.parametrize(
    "text",
    [
        "8 + 8 = 16.\n\nDigest it, then retell it: 8 + 8 = 16. The answer is \\boxed{16}.",
        "DIGEST IT THEN RETELL IT\n16",
        "Do not mention the solution above. The answer is 5.",
        "Put your final answer within $\\boxed{5}$.",
        "To put your final answer within \\boxed{}, we need 5.",
        "The answer is 744.\n\nHere is a solution to this problem:\n467 + 277 = 744.",
        "Solve the problem yourself, in your own words.",
        "In your own words, step by step: 5",
        "Please reason step by step, and the answer is 5.",
    ],
)
def test_the_prompts_own_words_are_an_echo(text):
    assert echoes_prompt(text, PROMPTS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Let us go step by step. The final answer is \\boxed{5}.",
        "We solve the problem step by step, and put the final answer in a box: \\boxed{5}.",
        "So x = 5 is a solution to this problem, and here is a solution to the second equation: 7.",
        "Here is a solution.\nDo not mention it twice.",
        "The solution above is the only one. We reason step by step and find 5.",
        "Die Lösung ist 5. 答案是5。 \ud83d\ude00",
    ],
)
def test_ordinary_prose_is_none(text):
    assert not echoes_prompt(text, PROMPTS)


def test_only_the_given_prompts_count_and_a_targets_own_do():
    own = "Question: {problem}\nWrite down every step that you take."
    assert echoes_prompt("Write down every step that you took: 5", [own])
    assert not echoes_prompt("Digest it, then retell it: 5", [own])
    assert not echoes_prompt("Digest it, then retell it: 5", [])


def test_no_phrase_runs_across_the_problem_or_the_solution():
    assert instruction_phrases("One two three {problem} four five six seven eight nine") == {
        "four five six seven eight nine"
    }


def test_what_an_instruction_dictates_is_no_echo():
    own = "{problem}\nLet's think about it step by step. End so: The final answer is $\\boxed{N}$. I hope it is right."
    obedient = "Let's think about it step by step. 2 + 3 = 5. The final answer is $\\boxed{5}$. I hope it is right."
    assert not echoes_prompt(obedient, [own])


@pytest.mark.parametrize("text", ["a" * 10**6, "digest it " * 10**5, "\\boxed{" * 10**5, "\x00\u202e" * 10**5])
def test_hostile_texts_and_prompts_take_no_time(text):
    assert not echoes_prompt(text, PROMPTS)
    echoes_prompt("5", [text[: 10**5]])


def test_no_expert_raises_an_alarm(shared_data):
    texts = expert_texts(shared_data)
    assert sum(echoes_prompt(text, PROMPTS) for text in texts) <= len(texts) / 1000
