"""Verdicts on responses: what is graded, what is remembered, and by whom it is graded."""

import os
from collections import OrderedDict
from collections.abc import Sequence
from importlib import metadata
from types import TracebackType
from typing import Self

from builder.texts.answers import Answer, LaxestForm, find_answer, squeezed
from builder.texts.boxes import boxed
from builder.verification.grading import grade, is_parseable
from builder.verification.integers import integer_verdict, is_integer
from builder.verification.pool import KillablePool
from builder.verification.verdicts import Judgement, Response, Verdict

__all__ = ["Judgement", "Response", "Verdict", "Verifier", "verifier_version"]

CACHE_ENTRIES = 20_000
MOST_DEFAULT_WORKERS = 8


def verifier_version() -> str:
    """Name and version of what decides, for provenance."""
    return f"math-verify {metadata.version('math-verify')}"


class Verifier:
    """Grades responses against gold answers in killable worker processes. Not thread-safe.

    Workers start at the first question. Even if this process is killed, they do not outlive it by more than
    `deadline` seconds. A script that uses a Verifier needs the usual `if __name__ == "__main__":` guard.

    Args:
        workers: worker processes; None takes one for each CPU, at most 8.
        deadline: seconds of wall clock that one verdict may take.
    """

    def __init__(self, workers: int | None = None, deadline: float = 5.0) -> None:
        self._pool = KillablePool(workers or min(os.cpu_count() or 1, MOST_DEFAULT_WORKERS), deadline)
        self._cache: OrderedDict[tuple[str, str], Verdict] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def judge(self, responses: Sequence[Response], laxest: LaxestForm = "trailing") -> list[Judgement]:
        """The verdict on each response, in order, with the form of its answer (`builder.texts.answers`).

        An answer in a laxer form than `laxest`, or one that merely repeats the question, is `no_answer`. A review that
        hangs, raises or crashes makes `timeout` or `error` of the verdict.

        Raises:
            EngineError: worker processes do not start on this machine.
        """
        answers = [find_answer(response.text, response.problem) for response in responses]
        shown = [
            answer.text if answer and answer.counts(laxest) and _answers(answer, response.gold) else ""
            for answer, response in zip(answers, responses, strict=True)
        ]
        verdicts = self._graded([(r.gold, text) for r, text in zip(responses, shown, strict=True)])
        reviewed = self._reviewed(responses, verdicts)
        return [
            Judgement(verdict, answer and answer.form, objection)
            for (verdict, objection), answer in zip(reviewed, answers, strict=True)
        ]

    def verdicts(self, pairs: Sequence[tuple[str, str]]) -> list[Verdict]:
        """The verdict on each (gold, response), in order, whatever form its answer has; see `judge`.

        A gold answer that is not `parseable` gives `error`, unless the answer repeats it word for word; one that is a
        statement, and no value, always does.

        Raises:
            EngineError: worker processes do not start on this machine.
        """
        return [judgement.verdict for judgement in self.judge([Response(*pair) for pair in pairs])]

    def parseable(self, golds: Sequence[str]) -> list[bool]:
        """Whether each gold answer can be compared with; one that takes longer than the deadline cannot.

        Raises:
            EngineError: worker processes do not start on this machine.
        """
        asked = [gold for gold in dict.fromkeys(golds) if not is_integer(gold)]
        unusable = {
            gold for gold, answer in zip(asked, self._pool.map(is_parseable, asked), strict=True) if answer is not True
        }
        return [gold not in unusable for gold in golds]

    def close(self) -> None:
        """End the workers. A closed Verifier that is asked again starts new ones."""
        self._pool.close()

    def _graded(self, keys: Sequence[tuple[str, str]]) -> list[Verdict]:
        """The verdict on each (gold, answer as `find_answer` shows it); `no_answer` on an empty one."""
        verdicts = {key: integer_verdict(*key) or self._recall(key) for key in keys if key[1]}
        unknown = [key for key, verdict in verdicts.items() if not verdict]
        for key, verdict in zip(unknown, self._pool.map(grade, unknown), strict=True):
            verdicts[key] = verdict
            self._remember(key, verdict)
        return [verdicts[key] if key[1] else "no_answer" for key in keys]

    def _reviewed(self, responses: Sequence[Response], verdicts: Sequence[Verdict]) -> list[tuple[Verdict, str | None]]:
        """The verdicts with the objections to correct responses."""
        asked = [i for i, verdict in enumerate(verdicts) if verdict == "correct" and responses[i].review]
        found: list[tuple[Verdict, str | None]] = [(verdict, None) for verdict in verdicts]
        for i, said in zip(asked, self._pool.map(_review, [responses[i] for i in asked]), strict=True):
            found[i] = said if isinstance(said, tuple) else (said, None)
        return found

    def _recall(self, key: tuple[str, str]) -> Verdict | None:
        if key in self._cache:
            self._cache.move_to_end(key)
        return self._cache.get(key)

    def _remember(self, key: tuple[str, str], verdict: Verdict) -> None:
        """Keep the most recently used verdicts; an `error` may pass (a worker killed from outside)."""
        if verdict != "error":
            self._cache[key] = verdict
        if len(self._cache) > CACHE_ENTRIES:
            self._cache.popitem(last=False)


def _review(response: Response) -> tuple[Verdict, str | None]:
    """In a worker: a correct response with what speaks against its text."""
    return "correct", response.review(response.text)


def _answers(answer: Answer, gold: str) -> bool:
    """Whether it answers the question: it does not repeat it, or that is just what the gold answer does."""
    return not answer.restates or squeezed(answer.text) == squeezed(boxed(gold))
