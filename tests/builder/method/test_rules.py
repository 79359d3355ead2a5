import pytest

from builder.config import Rules
from builder.method.prompts import shipped
from builder.method.rules import RULES, Task, broken_rule, copy_rate, mentions_reference, rejected_reason

EXPERT = "Natalia sold 48/2 = 24 clips in May. Altogether she sold 48 + 24 = 72 clips in April and May."


GOOD = "In May there were half as many, 24, which with the 48 before makes 72 of them sold."


OURS = Rules()
TASK = Task("guided", "How many clips did she sell, 72 or 73?", EXPERT, (shipped("plain"), shipped("guided")))


def reason(text=GOOD, phase="guided", rules=OURS, **changes):
    facts = {"verdict": "correct", "finish_reason": "stop", "has_control_token": False}
    broken = broken_rule(text, TASK._replace(phase=phase), rules)
    return rejected_reason(**facts | changes, broken=broken)


def test_a_good_retelling_may_be_kept():
    assert reason() is None


def test_a_truncated_candidate_is_never_kept_even_if_verified_correct():
    assert reason(finish_reason="length") == "truncated"
    assert reason(phase="self", finish_reason="length") == "truncated"


@pytest.mark.parametrize("verdict", ["incorrect", "no_answer", "timeout", "error"])
def test_only_a_correct_verdict_lets_a_candidate_through(verdict):
    assert reason(verdict=verdict) == "not_correct"


def test_control_tokens_in_the_middle_are_refused_in_both_phases():
    assert reason(has_control_token=True) == "control_token"
    assert reason(has_control_token=True, phase="self") == "control_token"


def test_copies_and_mentions_are_refused_in_the_guided_phase_only():
    assert reason(text=EXPERT) == "copies_reference"
    assert reason(text=EXPERT, phase="self") is None
    assert reason(text="It is easy. The answer is 72.") == "unsupported_answer"
    assert reason(text="It is easy. The answer is 72.", phase="self") is None
    assert reason(text="As the reference solution shows, it is 72.") == "mentions_reference"
    assert reason(text="As the reference solution shows, it is 72.", phase="self") is None


BROKEN = {
    "contradicts_itself": ("forbid_contradictions", "The answer is 72, a final answer of 73."),
    "false_step": ("forbid_false_steps", "She sold 48 + 24 = 73 clips."),
    "echoes_prompt": ("forbid_echoes", "Digest it, then retell it: that makes 72."),
    "repeats_itself": ("forbid_repetition", "She sold 72 clips in all. " * 4),
    "addresses_asker": ("forbid_talk", "She sold 72. Your answer is correct."),
    "unreached_answer": ("forbid_unreached", "She sold 48 + 2 = 50 clips. 50 + 72 = 122. The answer is 72."),
    "unused_result": ("forbid_unused", "She sold 48 - 48 = 0 at last. 48 / 2 = 24. 48 + 24 = 72. The answer is 72."),
}


@pytest.mark.parametrize(("name", "field", "text"), [(name, *broken) for name, broken in BROKEN.items()])
def test_texts_that_are_no_solutions_are_refused_in_both_phases_unless_allowed(name, field, text):
    for phase in ("self", "guided"):
        assert reason(text, phase) == name
        assert reason(text, phase, rules=Rules(**({"forbid_unused": False} | {field: False}))) is None
        assert reason(text, phase, rules=Rules.named("paper")) is None


def test_every_rule_has_a_setting_of_its_own():
    about_retellings = {"unsupported_answer", "mentions_reference", "copies_reference", "unfounded_number"}
    assert set(BROKEN) | about_retellings == set(RULES)
    off = Rules.named("paper")
    assert not any(rule.applies(off, TASK) for rule in RULES.values())
    assert all(rule.applies(Rules(), TASK) for rule in RULES.values())


def test_the_rules_about_retellings_can_be_turned_off():
    fields = ("forbid_mentions", "forbid_unsupported", "forbid_unfounded")
    off = Rules(max_copy_rate=None, **dict.fromkeys(fields, False))
    assert reason(text="It is easy. The answer is 72.", rules=off) is None
    assert reason(text=EXPERT, rules=off) is None
    assert reason(text="As the reference solution shows, it is 72.", rules=off) is None
    assert reason(text="She sold 31 in June, and 72 in all.") == "unfounded_number"
    assert reason(text="She sold 31 in June, and 72 in all.", rules=off) is None
    assert reason(text="She sold 31 in June, and 72 in all.", phase="self") is None


@pytest.mark.parametrize(
    "text",
    [
        "According to the reference solution, x = 3.",
        "The provided solution uses induction.",
        "Following the expert's solution we get 5.",
        "The solution provided above is right.",
        "as in the given worked solution",
        "The reference answer is 7.",
        "according to the solution, we add",
    ],
)
def test_talk_about_the_reference_is_noticed(text):
    assert mentions_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        "The solution to the equation is x = 3.",
        "The general solution is given by y = Ce^x.",
        "Given the equation, solve for x.",
        "A reference frame moves at speed v.",
        "The answer is 7.",
        "The solution set is {1, 2}.",
    ],
)
def test_ordinary_mathematics_is_not_mistaken_for_it(text):
    assert not mentions_reference(text)


def test_copy_rate_counts_word_8_grams():
    assert copy_rate(EXPERT, EXPERT) == 1.0
    assert copy_rate("one two three four five six seven eight nine", EXPERT) == 0.0
    # 10 words make three 8-grams; the first one is the expert's.
    expert = "a b c d e f g h"
    assert copy_rate("a b c d e f g h x y", expert) == pytest.approx(1 / 3)
    assert copy_rate("A  b c D\ne f g h", expert) == 1.0


def test_copy_rate_of_short_and_empty_texts():
    assert copy_rate("", EXPERT) == 0.0
    assert copy_rate("in May", EXPERT) == 1.0
    assert copy_rate("in June", EXPERT) == 0.0
