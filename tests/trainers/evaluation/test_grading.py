import json

import pytest

from builder.verification.verifier import Verifier
from trainers.evaluation.benchmarks import BenchmarkSpec, load
from trainers.evaluation.gold import gold_from
from trainers.evaluation.grading import Grader, answer_in, gradable


@pytest.fixture(scope="module")
def grader():
    with Verifier(deadline=20.0) as verifier:
        yield Grader(verifier)


CASES = [
    # numbers, by value and within the benchmark's precision
    ("27", {}, "27.0", "correct"),
    ("27", {}, "27.001", "incorrect"),
    ("073", {}, r"\textbf{(073)}", "correct"),
    ("4.5e33", {}, r"4.5 \times 10^{33} \text{ erg/s}", "correct"),
    ("1.325e-27", {}, r"5 \times 10^{-27}", "incorrect"),
    ("1.325e-27", {}, r"1.3251 \times 10^{-27}", "correct"),
    ("3.61e2", {}, "361", "correct"),
    ("2.5", {"error": "1e-1"}, "2.58", "correct"),
    ("2.5", {"error": "1e-1"}, "2.61", "incorrect"),
    # a name in front is none of it; an inequality, an equation to be solved and a pair are other answers
    ("5", {}, "x = 5", "correct"),
    ("5", {}, "f(2) = 5", "correct"),
    ("5", {}, "2+3=5", "correct"),
    ("5", {}, "x>=5", "incorrect"),
    ("5", {}, "2x+3=5", "incorrect"),
    ("5", {}, "1+1=5", "incorrect"),
    ("5", {}, "x^2=5", "incorrect"),
    ("x>=5", {}, "5", "incorrect"),
    ("1234", {}, "(1,234)", "incorrect"),
    ("1234", {}, "1,234", "correct"),
    ("(1,234)", {}, "1234", "incorrect"),
    ("(1,234)", {}, "(1, 234)", "correct"),
    # units are dropped, not converted
    (r"$\frac{600}{7}$", {"unit": "km/h"}, r"\frac{600}{7} km/h", "correct"),
    ("4.2", {"unit": "%"}, r"4.2\%", "correct"),
    ("5.89e-7", {}, r"589 \text{ nm}", "incorrect"),
    # words
    (r"\text{Evelyn}", {}, "evelyn", "correct"),
    (r"\text{Evelyn}", {}, r"\text{Angela}", "incorrect"),
    (r"\text{(C)}", {}, r"\textbf{C}", "correct"),
    (r"\text{ellipse}", {}, r"\text{an ellipse}", "correct"),
    # several answers, in any order, all of them
    ("$(1,1), (3,2)$", {"multiple": True}, "(3,2), (1,1)", "correct"),
    ("$(1,1), (3,2)$", {"multiple": True}, "(3,2)", "incorrect"),
    ("221,800", {"multiple": True}, "221800", "incorrect"),
    ("221,800", {"multiple": True}, "800,221", "correct"),
    # intervals, written as intervals or as inequalities
    (r"$[\frac{1}{2}, 8]$", {}, r"\frac12 \le x \le 8", "correct"),
    (r"$[\frac{1}{2}, 8]$", {}, r"\frac12 < x < 8", "incorrect"),
    (r"(-\infty,-5)", {}, "a < -5", "correct"),
    (r"(-\infty,-5)", {}, r"(-\infty,-5]", "incorrect"),
    # spellings that math-verify misreads
    ("E_{1},E_{2}", {}, "E_2, E_1", "correct"),
    ("E_{1},E_{2}", {}, "E_1", "incorrect"),
    (r"$m_{\max }=n^{2}-n-1$", {}, "n^2-n-1", "correct"),
    # a gold that says nothing to a machine
    (r"$f(x)=a x+b$, where $b$ is an arbitrary integer, and $a$ has $\mho(a)=0$", {}, "x+1", "error"),
]


def test_the_rule(grader):
    pairs = [(gold_from([gold], **fields), rf"So it is \boxed{{{answer}}}.") for gold, fields, answer, _ in CASES]
    found = grader.verdicts(pairs)
    wrong = [(*case, verdict) for case, verdict in zip(CASES, found, strict=True) if case[-1] != verdict]
    assert not wrong


def test_without_a_box_the_end_is_graded_and_without_anything_nothing(grader):
    gold = gold_from(["5"])
    responses = ["Hence the answer is 5.", "I do not know.", r"\boxed{5", "", r"\boxed{}"]
    assert grader.verdicts([(gold, response) for response in responses]) == ["correct", *["no_answer"] * 4]


def test_a_response_that_was_cut_off_is_graded_only_if_it_had_answered():
    assert gradable("and so on, 3, 4, 5", "length") == ""
    assert gradable(r"it is \boxed{5}. Or is", "length") == r"it is \boxed{5}. Or is"
    assert gradable("The answer is 5.", "stop") == "The answer is 5."


def test_no_answer_is_an_error_of_the_benchmark():
    with pytest.raises(ValueError, match="no answer"):
        gold_from(["$$"])
    with pytest.raises(ValueError, match="field 'error' is 'small'"):
        gold_from(["5"], error="small")


def test_same_answers(grader):
    assert grader.same([("0.5", "1/2"), ("1,2", "2,1"), ("5", "5.0"), ("5", "6"), ("x", "x")]) == [
        True, True, True, False, True,
    ]  # fmt: skip


def test_the_answer_of_a_response():
    gold = gold_from(["1500"])
    answer = answer_in(r"\boxed{1.5e3}", gold)
    assert (answer.boxed, answer.number) == (r"1.5 \times 10^{3}", 1500)
    assert answer_in("The answer is 4.", gold).boxed == "4"
    assert answer_in("It is 4.", gold).boxed is None


def test_lists_of_olympiadbench_in_another_order_and_incomplete(grader, shared_data):
    with (shared_data / "olympiadbench.jsonl").open() as lines:
        ids = {
            str(row["id"])
            for row in map(json.loads, lines)
            # Plain lists of at least two different numbers
            if row["is_multiple_answer"] and set(row["final_answer"][0]) <= set("0123456789,- ")
        }
    loaded = load(BenchmarkSpec(name="olympiadbench", file=str(shared_data / "olympiadbench.jsonl")))
    problems = [p for p in loaded.problems if p.id in ids and len(set(p.gold.stated.split(","))) > 1]
    assert len(problems) > 30
    turned = [rf"\boxed{{{', '.join(reversed(p.gold.stated.split(',')))}}}" for p in problems]
    assert set(grader.verdicts([(p.gold, r) for p, r in zip(problems, turned, strict=True)])) == {"correct"}
    first = [rf"\boxed{{{p.gold.stated.split(',')[0]}}}" for p in problems]
    assert set(grader.verdicts([(p.gold, r) for p, r in zip(problems, first, strict=True)])) == {"incorrect"}
