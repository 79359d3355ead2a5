"""Give every candidate of a phase its verdict, and say whether it may be kept."""

import os
from typing import Literal

from pydantic import PrivateAttr

from builder.config import Settings, Target
from builder.method.candidates import Phase, dump, load
from builder.method.prompts import instructions
from builder.method.rules import Task
from builder.steps.base import Row, RowStep
from builder.verification.verdicts import Response
from builder.verification.verifier import Verifier


def start_verifier(settings: Settings) -> Verifier:
    """A verifier for one step; the steps of the two phases share the machine's cores."""
    return Verifier(workers=max(1, (os.cpu_count() or 2) // 2), deadline=settings.verifier_deadline)


def task_of(row: Row, phase: Phase, target: Target) -> Task:
    """What a row's candidates of a phase respond to."""
    return Task(phase, row["problem"], row["expert_solution"], instructions(target))


class Verify(RowStep):
    """math-verify in killable worker processes; a crash or a time-out of it is never `incorrect`."""

    phase: Literal["self", "guided"]

    _verifier: Verifier = PrivateAttr(None)

    def load(self) -> None:
        """Start the pool."""
        super().load()
        self._verifier = start_verifier(self._settings)

    def unload(self) -> None:
        """Stop the pool."""
        if self._verifier:
            self._verifier.close()
        super().unload()

    def handle(self, rows: list[Row]) -> None:
        """Judge all candidates of all rows in one call, so that the pool is kept busy."""
        column = f"{self.phase}_candidates"
        candidates = [load(row[column]) for row in rows]
        rules = self._settings.rules
        drawn = list(zip(rows, candidates, strict=True))
        responses = [Response(row["gold"], c.text, row["problem"]) for row, of_row in drawn for c in of_row]
        judgements = iter(self._verifier.judge(responses, rules.accept_answers))
        for row, of_row in drawn:
            task = task_of(row, self.phase, self._settings.target)
            row[column] = dump([candidate.judged(next(judgements), task, rules) for candidate in of_row])
