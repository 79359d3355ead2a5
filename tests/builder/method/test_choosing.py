"""Policies of selection, each held to its definition."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.method.alignment import STAGES, decide
from builder.method.candidates import Candidate
from builder.method.choosing.policies import POLICIES, Options, chosen, distance, grams
from builder.method.choosing.problem import Problem, Text

EXPERT = Text("expert", 0, "the expert's own words", 9, True, -9.0, 3.0)

texts = st.tuples(
    st.text("ab ", min_size=1, max_size=30), st.integers(1, 50), st.booleans(),
    st.floats(-100, 0), st.floats(-50, 50),
)  # fmt: skip
phases = st.lists(texts, max_size=6)


@st.composite
def problems(draw):
    drawn = {"self": draw(phases), "guided": draw(phases)}
    candidates = [Text(phase, n, *fields) for phase, found in drawn.items() for n, fields in enumerate(found)]
    correct = sum(fields[2] for fields in drawn["self"])
    row_id, seed = draw(st.text(max_size=4)), draw(st.integers(0, 9))
    return Problem(row_id, seed, candidates, EXPERT, len(drawn["self"]), correct)


def apart(one, other):
    return distance(grams(one), grams(other))


def kept(name, problem, **options):
    return list(chosen(POLICIES[name], problem, Options(**options)))


@given(problems())
def test_random_is_the_builds_own_decision(problem):
    own, retold = (
        [
            Candidate(t.index, "", "", "stop", 1, 0.0, False, "correct", None, None if t.acceptable else "not_correct")
            for t in problem.candidates
            if t.phase == phase
        ]
        for phase in ("self", "guided")
    )
    decision = decide(problem.seed, problem.id, True, own, retold)
    (text,) = kept("random", problem)
    assert (STAGES.get(text.phase, "fallback"), text.index) == (decision.stage, decision.kept or 0)


@given(problems(), st.sampled_from(sorted(POLICIES)), st.integers(1, 5))
def test_what_is_kept_is_acceptable_and_no_problem_is_lost(problem, name, keep):
    found = kept(name, problem, keep=keep)
    assert all(text.acceptable for text in found)
    assert len({(text.phase, text.index) for text in found}) == len(found) <= (keep if POLICIES[name].keeps_many else 1)
    if not problem.acceptable:
        assert found == [EXPERT]
    elif name not in ("sdft", "s3ft", "prop2diff"):
        assert found
        assert set(found) <= set(problem.acceptable)


@given(problems(), st.booleans())
def test_the_best_of_all_is_kept(problem, with_expert):
    if not (pool := problem.acceptable):
        return
    (nearest,), (shortest,), (median,) = (kept(name, problem) for name in ("nearest", "shortest", "median"))
    assert nearest.excess / nearest.tokens == min(text.excess / text.tokens for text in pool)
    assert shortest.tokens == min(text.tokens for text in pool)
    below = sum(text.tokens < median.tokens for text in pool)
    above = sum(text.tokens > median.tokens for text in pool)
    assert max(below, above) <= len(pool) // 2
    (grape,) = kept("grape", problem, with_expert=with_expert)
    pool = [*pool, *([EXPERT] if with_expert else [])]
    assert grape.logprob / grape.tokens == max(text.logprob / text.tokens for text in pool)


@given(problems(), st.integers(1, 5))
def test_more_rows_begin_with_those_of_fewer(problem, keep):
    for name in ("uniform", "diverse"):
        assert kept(name, problem, keep=keep + 1)[:keep] == kept(name, problem, keep=keep)
        assert kept(name, problem, keep=1) == kept("random", problem)
    assert len(kept("uniform", problem, keep=keep)) == min(keep, len(problem.acceptable) or 1)


@given(problems(), st.integers(2, 5))
def test_each_further_text_is_the_farthest_from_those_before(problem, keep):
    found = kept("diverse", problem, keep=keep)
    for place in range(1, len(found)):
        before = found[:place]
        away = {t.index: min(apart(t.text, k.text) for k in before) for t in problem.acceptable if t not in before}
        assert away[found[place].index] == max(away.values()) > 0


@pytest.mark.parametrize(("correct", "rows"), [(10, 0), (9, 1), (7, 3), (5, 5), (1, 1)])
def test_harder_problems_have_more_rows_as_far_as_there_are_answers(correct, rows):
    candidates = [Text("self", n, "a", 1, n < correct) for n in range(10)]
    problem = Problem("a", 0, candidates, EXPERT, 10, correct)
    assert len(kept("prop2diff", problem, keep=10)) == rows
    assert len(kept("prop2diff", problem, keep=2, hardest=Fraction(9, 10))) == min(
        correct, ceil(Fraction(2 * (10 - correct), 9))
    )


@pytest.mark.parametrize(
    ("own", "retold", "sdft", "s3ft"),
    [
        ("+-", "+-", "guided", "self"),
        ("-+", "+-", "guided", "guided"),
        ("-+", "-+", "expert", "expert"),
        ("-+", "", "expert", "expert"),
        ("--", "-+", "expert", "expert"),
        ("--", "+-", "guided", "guided"),
        ("--", "--", "expert", "expert"),
    ],
)
def test_first_come(own, retold, sdft, s3ft):
    drawn = {"self": own, "guided": retold}
    candidates = [Text(phase, n, "a", 1, mark == "+") for phase, marks in drawn.items() for n, mark in enumerate(marks)]
    problem = Problem("a", 0, candidates, EXPERT, 2, own.count("+"))
    assert [(t.phase, t.index) for t in kept("sdft", problem)] == [(sdft, 0)]
    assert [(t.phase, t.index) for t in kept("s3ft", problem)] == [(s3ft, 0)]


def test_the_distance_of_texts():
    assert apart("a b c d e", "a b c d e") == 0
    assert apart("a b c d", "e f g h") == 1
    assert apart("a b c d e", "a b c d f") == pytest.approx(2 / 3)
    assert apart("", "") == 0
