import pickle  # noqa: TID251 - as the pool sends it to its workers
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from builder.config import Rules
from builder.method.alignment import Alignment, Decision, decide
from builder.method.candidates import Candidate, counts
from builder.method.rules import Task
from builder.verification.verdicts import Judgement

TASK = Task("self", "What is 2 + 2?", "expert")


def candidate(index=0, verdict="correct", rejected=None, finish="stop"):
    return Candidate(index, "ab", f"text {index} ½", finish, 7, -3.25, False, verdict, "boxed", rejected)


good = st.builds(candidate, st.integers(0, 9))
bad = st.builds(lambda i: candidate(i, "incorrect", "not_correct"), st.integers(0, 9))
drawn = st.lists(st.one_of(good, bad), max_size=10, unique_by=lambda c: c.index)


@given(drawn, drawn, st.sampled_from([None, Decision("self_alignment", 3), Decision("fallback", None, "no_room")]))
def test_json_round_trip(own, retold, decision):
    alignment = Alignment(tuple(own), tuple(retold), decision, error=None)
    assert Alignment.load(alignment.dump()) == alignment


def test_the_first_error_stays():
    assert Alignment().failed("gone").failed("later").error == "gone"


@given(drawn)
def test_a_row_is_solved_by_an_acceptable_response_of_its_own(candidates):
    assert Alignment(tuple(candidates)).solved == any(c.acceptable for c in candidates)
    assert not Alignment().drawn("guided", candidates).solved


@given(st.integers(), st.text(), st.booleans(), drawn, drawn)
def test_routing_is_a_partition_and_keeps_only_acceptable_candidates(seed, row_id, verifiable, own, retold):
    decision = decide(seed, row_id, verifiable, own, retold)
    by_stage = {"self_alignment": own, "guided_alignment": retold}
    if decision.stage == "fallback":
        assert decision.kept is None
        assert decision.fallback_reason is not None
        assert not any(c.acceptable for c in own + retold)
    else:
        assert decision.fallback_reason is None
        kept = next(c for c in by_stage[decision.stage] if c.index == decision.kept)
        assert kept.acceptable
        if decision.stage == "guided_alignment":
            assert not any(c.acceptable for c in own)


@given(st.integers(), st.text(), drawn, drawn, st.randoms())
def test_routing_does_not_depend_on_arrival_order(seed, row_id, own, retold, random):
    shuffled = (random.sample(c, len(c)) for c in (own, retold))
    assert decide(seed, row_id, True, own, retold) == decide(seed, row_id, True, *shuffled)


def test_fallback_reasons():
    wrong = [candidate(verdict="incorrect", rejected="not_correct")]
    assert decide(0, "a", False, [], []).fallback_reason == "unverifiable"
    assert decide(0, "a", True, wrong, []).fallback_reason == "no_room"
    assert decide(0, "a", True, wrong, wrong).fallback_reason == "no_acceptable_candidate"


def test_a_candidate_is_acceptable_only_after_its_verdict():
    fresh = Candidate(0, "ab", "so \\boxed{4}", "stop", 5, -1.0, False)
    assert not fresh.acceptable
    assert fresh.judged(Judgement("correct", "boxed")).acceptable
    assert not fresh.judged(Judgement("error", "boxed")).acceptable
    assert fresh.judged(Judgement("correct", "boxed", "false_step")).rejected_reason == "false_step"
    truncated = replace(fresh, finish_reason="length").judged(Judgement("correct", "boxed"))
    assert not truncated.acceptable
    assert truncated.verdict == "correct"


def test_only_a_text_that_can_be_kept_is_held_to_the_rules():
    fresh = Candidate(0, "ab", "so 2 + 2 = 5, \\boxed{4}", "stop", 5, -1.0, False)
    response = fresh.response("4", TASK, Rules())
    assert (response.gold, response.problem) == ("4", TASK.problem)
    assert response.review(response.text) == "false_step"
    assert pickle.loads(pickle.dumps(response)).review("2 + 2 = 4") is None  # noqa: S301
    for fields in ({"finish_reason": "length"}, {"control_token": True}):
        assert replace(fresh, **fields).response("4", TASK, Rules()).review is None


def test_pass_rates_count_complete_correct_candidates_kept_or_not():
    drawn = [
        candidate(0),
        candidate(1, rejected="copies_reference"),
        candidate(2, rejected="truncated", finish="length"),
        candidate(3, "timeout", "not_correct"),
    ]
    assert counts(drawn, "guided") == {"guided_sampled": 4, "guided_correct": 2}
