"""Outcomes as the journal keeps them."""

import json

from builder.method.alignment import Alignment, Decision
from builder.method.candidates import Candidate
from builder.method.outcome import Judged, Outcome, Texts

EARLIER = {
    "row": 3, "id": "a-3", "stage": "fallback", "kept": -1, "fallback_reason": "no_room",
    "expert_key": "ab", "policy_key": "ab", "behavior_key": None,
    "pass_rates": {"self_sampled": 1, "self_correct": 0, "guided_sampled": 0, "guided_correct": 0},
    "self": [
        {"index": 0, "key": "cd", "verdict": "incorrect", "answer_form": "boxed", "rejected_reason": "not_correct"}
    ],
    "guided": [],
}  # fmt: skip


def test_an_outcome_of_an_earlier_version_is_read():
    outcome = Outcome.load(json.dumps(EARLIER))
    assert outcome.decision == Decision("fallback", None, "no_room")
    assert outcome.texts == Texts("ab", "ab")
    assert outcome.candidates["self"] == [Judged(0, "cd", "incorrect", "boxed", "not_correct")]
    assert outcome.journal_keys() == [b"\xab", b"\xab", b"\xcd"]
    assert Outcome.load(outcome.dump()) == outcome


def test_an_outcome_holds_what_was_drawn_and_what_was_decided():
    drawn = [Candidate(n, f"0{n}", "", "stop", 4, -1.0, False, "correct", "boxed", None) for n in range(2)]
    alignment = Alignment().drawn("self", drawn).decided(0, "a", verifiable=True)
    outcome = Outcome.of(5, "a", alignment, Texts("ee", "00", "00", -0.5))
    assert outcome.stage == "self_alignment"
    assert [(phase, judged.key) for phase, judged in outcome.drawn()] == [("self", "00"), ("self", "01")]
    rates = {"self_sampled": 2, "self_correct": 2, "guided_sampled": 0, "guided_correct": 0}
    assert outcome.pass_rates == rates
    assert Outcome.load(outcome.dump()) == outcome
