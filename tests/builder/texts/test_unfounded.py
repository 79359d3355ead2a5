"""Numbers out of nowhere."""

import json

import pytest

from builder.texts.unfounded import unfounded_numbers

PUPPIES = "A shop has 12 puppies in 4 cages and sells half of them at $30 each. How much does it take in an hour?"
EXPERT = "It sells 12/2 = 6 puppies. They bring 6*30 = $180. An hour has 3600 seconds. #### 180"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It takes $180. The answer is 180.", ["180"]),
        ("6 * 30 = 180. The answer is 180.", ["6"]),
        ("It sells 12 / 2 = 6, and 9 are left. 6 * 30 = 180.", ["9"]),
        ("The 5 pieces take 5 * 8 = 40 metres. 12 / 2 = 6. 6 * 30 = 180.", ["5", "8"]),
        ("12 / 2 = 6. There are 180 in 12 of them.", ["180"]),
        ("12 - 6 = 6, and 6 * 30 = 180.", ["6"]),
        ("8 - 4 = 4. 4 + 4 = 8. The answer is 180.", ["8", "180"]),
    ],
)
def test_what_is_neither_told_nor_worked_out_is_unfounded(text, numbers):
    assert [str(number) for number in unfounded_numbers(text, PUPPIES, EXPERT)] == numbers


@pytest.mark.parametrize(
    "text",
    [
        "It sells 12 / 2 = 6 puppies. 6 * 30 = $180. The answer is \\boxed{180}.",
        "Half of the 12 puppies are 6. At $30 each, 6 of them bring 180.",
        "1. There are 12.\n2. 12 / 2 = 6 are sold.\n3. They bring 6 * 30 = 180.",
        "Step 1: 12/2=<<12/2=6>>6. Step 2: 6*30=<<6*30=180>>180",
        "12 less 6, which is half of 12, leaves 6. Then 6 * 30 = 180 in 3600 seconds, or 60 minutes.",
        "Let x be sold. 2x = 12, so x = 6, and x * 30 = 180.",
        "The 1st of them brings 30. 12 / 2 = 6. 6 * 30 = 180.",
        "50% of 12 is 6, with 12 * 0.5 = 6. 6 * 30 = 180, that is 1.8 * 100.",
    ],
)
def test_working_words_constants_labels_and_algebra_found_a_number(text):
    assert unfounded_numbers(text, PUPPIES, EXPERT + " 50%") == []


def test_an_answer_is_no_constant():
    problem, expert = "Ada has 54 pens, gets 8 and loses 55. How many?", "54 + 8 = 62. 62 - 55 = 7. #### 7"
    assert unfounded_numbers("7. The answer is \\boxed{7}.", problem, expert) == [7]
    assert unfounded_numbers("54 + 8 = 62. 62 - 55 = 7. The answer is \\boxed{7}.", problem, expert) == []
    assert unfounded_numbers("In 7 days 14. 14 / 2 = 7.", "A fortnight has 14 days. How long is half of it?", "7") == []


def test_a_share_or_multiple_that_the_problem_names_is_told():
    assert unfounded_numbers("9 / 2 = 4.5", "What is half of 9?", "It is 4.5.") == []
    assert unfounded_numbers("9 / 2 = 4.5", "What is a part of 9?", "It is 4.5.") == [2]


def test_solutions_that_people_wrote_found_their_numbers(shared_data):
    rows = [json.loads(line) for line in (shared_data / "gsm8k_train.jsonl").read_text().splitlines()[:1500]]
    assert not [row for row in rows if unfounded_numbers(row["answer"], row["question"], row["answer"])]
