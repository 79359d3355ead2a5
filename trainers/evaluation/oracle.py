"""The grader's self-check: does it accept each benchmark's own solutions, and refuse those of other problems?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.machine.display import plain_table
from builder.texts.boxes import boxed_answer
from trainers.evaluation.grading import Grader
from trainers.evaluation.problems import Loaded, Problem

if TYPE_CHECKING:
    from rich.console import Console

_EXCERPT = 60  # characters


@dataclass(frozen=True)
class Disagreement:
    """A case in which the grader does not say what it should.

    Attributes:
        id: of the problem whose gold was compared with.
        gold: as the benchmark states it.
        response: what was graded, or its end.
        verdict: what the grader said.
    """

    id: str
    gold: str
    response: str
    verdict: str


@dataclass(frozen=True)
class Check:
    """The self-check of one benchmark.

    Attributes:
        name: of the benchmark.
        problems: how many it has.
        stated: problems without a boxed solution, for which the stated answer in a box was graded instead.
        graded: solutions and stated answers graded.
        refused: those that were not `correct`.
        foreign: pairs of a problem and the next one's solution that were graded; where golds are equal, none is.
        accepted: those that were `correct`.
        unreadable: golds that the verifier cannot read: only a response that repeats them is right.
    """

    name: str
    problems: int
    stated: int
    graded: int
    refused: list[Disagreement]
    foreign: int
    accepted: list[Disagreement]
    unreadable: list[Disagreement]


def check(grader: Grader, benchmark: Loaded) -> Check:
    """Grade every boxed solution against its own problem's gold, and against the previous problem's.

    A solution without a box is no response to a prompt that demands one; where a problem has only such solutions, or
    none at all, the answer as the benchmark states it is graded in a box, with dollars, units and all.
    """
    own = [(p, response) for p in benchmark.problems for response in responses(p)]
    verdicts = grader.verdicts([(p.gold, response) for p, response in own])
    shifted = [*benchmark.problems[1:], *benchmark.problems[:1]]
    foreign = [
        (p, responses(other)[0])
        for p, other in zip(benchmark.problems, shifted, strict=True)
        if p.gold.text != other.gold.text
    ]
    readable = grader.readable([p.gold for p in benchmark.problems])
    foreign_verdicts = grader.verdicts([(p.gold, response) for p, response in foreign])
    return Check(
        benchmark.name,
        len(benchmark.problems),
        sum(not _boxed(p) for p in benchmark.problems),
        len(own),
        [_disagreement(p, r, v) for (p, r), v in zip(own, verdicts, strict=True) if v != "correct"],
        len(foreign),
        [_disagreement(p, r, v) for (p, r), v in zip(foreign, foreign_verdicts, strict=True) if v == "correct"],
        [_disagreement(p, p.gold.text, "error") for p, r in zip(benchmark.problems, readable, strict=True) if not r],
    )


def responses(problem: Problem) -> list[str]:
    """What is graded for a problem: its boxed solutions, else its stated answer in a box with its unit."""
    return _boxed(problem) or [rf"\boxed{{{problem.gold.stated}{_typeset(problem.gold.unit)}}}"]


def _boxed(problem: Problem) -> list[str]:
    return [solution for solution in problem.solutions if boxed_answer(solution) is not None]


def _typeset(unit: str) -> str:
    if not unit:
        return ""
    return rf"\{unit}" if unit == "%" else unit if unit.startswith("^") else rf" \text{{ {unit.strip('$')}}}"


def _disagreement(problem: Problem, response: str, verdict: str) -> Disagreement:
    shown = boxed_answer(response) or response
    return Disagreement(problem.id, problem.gold.stated, re.sub(r"\s+", " ", shown), verdict)


def print_checks(console: "Console", checks: Sequence[Check]) -> None:
    """What was checked, and every disagreement."""
    table = plain_table(
        "benchmark",
        "problems",
        "without boxed solution",
        "own graded",
        "refused",
        "foreign graded",
        "accepted",
        "unreadable",
    )
    for c in checks:
        counts = (c.problems, c.stated, c.graded, len(c.refused), c.foreign, len(c.accepted), len(c.unreadable))
        table.add_row(c.name, *(f"{count:,}" for count in counts))
    console.print("\n[bold]The grader on each benchmark's own solutions, and on those of other problems[/bold]")
    console.print(table)
    for c in checks:
        kinds = (
            ("own solution refused", c.refused),
            ("foreign solution accepted", c.accepted),
            ("gold cannot be read", c.unreadable),
        )
        for kind, cases in kinds:
            for case in cases:
                console.print(
                    f"{c.name} {case.id}: {kind} ({case.verdict}): gold {case.gold[:_EXCERPT]}, "
                    f"response {case.response[:_EXCERPT]}",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )
