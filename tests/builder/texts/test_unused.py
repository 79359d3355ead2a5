"""Calculations that lead nowhere."""

import json

import pytest

from builder.texts.unused import unused_results


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("139 - 119 = 20 rolls. That leaves 20 - 20 = 0 rolls. The answer is \\boxed{20}.", ["20 - 20 = 0"]),
        (
            "One melon each: 1 * 3 = 3. Two melons: 2 * 3 = 6. The rest bought two. \\boxed{10}",
            ["2 * 3 = 6"],
        ),
        ("38 + 6 = 44. 44 + 14 = 58. The answer is 14.", ["44 + 14 = 58"]),
        ("2 * 9 = 18. 5 * 5 = 25. The answer is 25.", ["2 * 9 = 18"]),
    ],
)
def test_a_result_that_is_used_nowhere_is_found(text, found):
    assert unused_results(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "2 * 9 = 18. 18 + 26 = 44. The answer is 44.",
        "2 * 9 = 18. With the other 26 there are 44. The answer is 44.",
        "3 + 4 = 7, and seven times 2 is 14. The answer is 14.",
        "3 * 2 = 6. 5 * 2 = 10. 4 * 1 = 4. In all 20. The answer is 20.",
        "768 / 50 = 15.36, which rounds down to 15. The answer is 15.",
        "6 / 3 = 2 hours, that is 120 minutes. The answer is 120.",
        "4 * 250 = 1000 grams. He needs 14 * 1 = 14 kg, at 1 kg a day. The answer is 14.",
        "14 hours = 14 * 60 = 840 minutes. The answer is 840.",
        "Let x = 3. 2 * 3 = 6. The answer is 4.",
        "2 + 3 = <<2+3=5>>5. 5 + 1 = <<5+1=6>>6\n#### 6",
        "2 * 2 = 4, of course.",
    ],
)
def test_what_follows_in_the_head_in_words_or_rounded_is_a_use(text):
    assert unused_results(text) == []


def test_solutions_that_people_wrote_hardly_ever_have_one(shared_data):
    rows = [json.loads(line) for line in (shared_data / "gsm8k_train.jsonl").read_text().splitlines()[:1500]]
    assert len([row for row in rows if unused_results(row["answer"])]) <= 9
