import pytest

from builder.verification.verifier import Verifier
from trainers.evaluation.gold import gold_from
from trainers.evaluation.grading import Grader
from trainers.evaluation.oracle import check, responses
from trainers.evaluation.problems import Loaded, Problem


@pytest.fixture(scope="module")
def grader():
    with Verifier(deadline=20.0) as verifier:
        yield Grader(verifier)


def test_what_the_grader_gets_wrong_is_listed(grader):
    problems = [
        Problem("boxed", "p", gold_from(["4"]), (r"so \boxed{4}", r"also \boxed{2+2}")),
        Problem("wrong", "p", gold_from(["5"]), (r"so \boxed{6}",)),
        Problem("unboxed", "p", gold_from(["$7$"]), ("it is seven",)),
        Problem("bare", "p", gold_from(["x=7"])),
        Problem("unreadable", "p", gold_from(["$t(0,4]$"])),
    ]
    found = check(grader, Loaded("b", problems, 5, {}))
    assert (found.problems, found.stated, found.graded, found.foreign) == (5, 3, 6, 5)
    assert [(d.id, d.gold, d.response, d.verdict) for d in found.refused] == [("wrong", "5", r"\boxed{6}", "incorrect")]
    assert [d.id for d in found.accepted] == ["unboxed"]  # the next problem's x=7 is indeed 7
    assert [d.id for d in found.unreadable] == ["unreadable"]


@pytest.mark.parametrize(
    ("unit", "response"),
    [("%", r"\boxed{$4.2$\%}"), ("km/h", r"\boxed{$4.2$ \text{ km/h}}"), (r"^{\circ}", r"\boxed{$4.2$^{\circ}}")],
)
def test_a_stated_answer_is_graded_as_it_stands_with_its_unit(grader, unit, response):
    problem = Problem("1", "p", gold_from(["$4.2$"], unit=unit))
    assert responses(problem) == [response]
    assert grader.verdicts([(problem.gold, response)]) == ["correct"]
