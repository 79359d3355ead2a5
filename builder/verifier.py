"""Verdicts on responses: what is graded, what is remembered, and by whom it is graded."""

import os
from collections import OrderedDict
from collections.abc import Sequence
from importlib import metadata
from types import TracebackType
from typing import Self

from builder.answers import graded_text
from builder.verification.grading import Verdict, grade, is_parseable
from builder.verification.integers import integer_verdict
from builder.verification.pool import KillablePool

__all__ = ["Verdict", "Verifier", "verifier_version"]

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

    def verdicts(self, pairs: Sequence[tuple[str, str]]) -> list[Verdict]:
        """The verdict on each (gold, response), in order.

        A gold answer that is not `parseable` gives `error`, unless the response repeats it word for word.

        Raises:
            EngineError: worker processes do not start on this machine.
        """
        keys = [(gold, graded_text(response)) for gold, response in pairs]
        verdicts = {key: integer_verdict(*key) or self._recall(key) for key in keys if key[1]}
        unknown = [key for key, verdict in verdicts.items() if not verdict]
        for key, verdict in zip(unknown, self._pool.map(grade, unknown), strict=True):
            verdicts[key] = verdict
            self._remember(key, verdict)
        return [verdicts[key] if key[1] else "no_answer" for key in keys]

    def parseable(self, golds: Sequence[str]) -> list[bool]:
        """Whether each gold answer can be compared with; one that takes longer than the deadline cannot.

        Raises:
            EngineError: worker processes do not start on this machine.
        """
        return [answer is True for answer in self._pool.map(is_parseable, golds)]

    def close(self) -> None:
        """End the workers. A closed Verifier that is asked again starts new ones."""
        self._pool.close()

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
