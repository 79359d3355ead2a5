"""The other side of a plug-in, in a worker: load it, ask it, and let nothing but a verdict out."""

import hashlib
import importlib
import inspect
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args

from builder.method.kinds import KINDS
from builder.verification.protocol import Question, VerifierPlugin
from builder.verification.registry import ADDRESS, JUDGE, JUDGES, REMOTE, SHIPPED
from builder.verification.verdicts import Verdict

VERDICTS = frozenset(get_args(Verdict))
MOST_REASON = 200  # characters
_OPINION = ("judged_by", "rubric")


class Sent(NamedTuple):
    """A question as it travels: `metadata` is a JSON object as text, or empty."""

    problem: str
    gold: str
    response: str
    metadata: str

    def question(self) -> Question:
        """As the plug-in gets it, with metadata of its own to change."""
        return Question(self.problem, self.gold, self.response, json.loads(self.metadata) if self.metadata else {})


class Described(NamedTuple):
    """What a plug-in is, as `VerifierSpec` has it."""

    name: str
    version: str
    kind: str
    code: str
    judged_by: str | None
    rubric: str | None


def prepare(plugin: str) -> None:
    """In a new worker: load the plug-in outside of any deadline. What fails now fails again when it is asked."""
    os.dup2(2, 1)  # standard output belongs to the command that asks
    with suppress(BaseException):
        loaded(plugin)


def described(plugin: str) -> Described | str:
    """What a plug-in is, or in a few words why it is none."""
    os.dup2(2, 1)
    try:
        made = loaded(plugin)
    except BaseException as error:
        return f"cannot be loaded: {type(error).__name__}: {error}"[:MOST_REASON]
    fault = _fault(made)
    if fault:
        return fault
    file = inspect.getsourcefile(type(made))
    code = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    opinion = (getattr(made, attribute, None) for attribute in _OPINION)
    return Described(made.name, made.version, getattr(made, "kind", "words"), code, *opinion)


def _fault(made: Any) -> str | None:
    for attribute in ("name", "version"):
        if type(value := getattr(made, attribute, None)) is not str or not value.strip():
            return f"has no {attribute}, a text"
    if (kind := getattr(made, "kind", "words")) not in KINDS:
        return f"kind {kind!r}: must be one of {', '.join(KINDS)}"
    for attribute in _OPINION:
        if type(value := getattr(made, attribute, None)) not in (str, type(None)) or value == "":
            return f"{attribute} is no text"
    lacking = [method for method in ("parseable", "verdicts") if not callable(getattr(made, method, None))]
    return f"has no method {lacking[0]}" if lacking else None


@cache
def loaded(plugin: str) -> VerifierPlugin:
    """The plug-in of this process.

    Raises:
        BaseException: whatever importing and making it raises.
    """
    made_with = REMOTE if plugin.startswith(ADDRESS) else JUDGES if plugin.startswith(JUDGE) else None
    module, _, name = (made_with or SHIPPED.get(plugin, plugin)).partition(":")
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)  # an installed command does not look there
    made = getattr(importlib.import_module(module), name)
    return made(plugin) if made_with else made()


def judged(plugin: str, sent: list[Sent]) -> list[Verdict]:
    """The verdict on each; `error` where the plug-in raises or gives none. Together first, then one by one."""
    if len(sent) > 1 and (verdicts := _verdicts(plugin, sent)) is not None:
        return verdicts
    return [(_verdicts(plugin, [one]) or ["error"])[0] for one in sent]


def _verdicts(plugin: str, sent: Sequence[Sent]) -> list[Verdict] | None:
    """One for each, if the plug-in gives just that."""
    try:
        given = loaded(plugin).verdicts([one.question() for one in sent])
        if type(given) not in (list, tuple) or len(given) != len(sent):
            return None
        return [verdict if type(verdict) is str and verdict in VERDICTS else "error" for verdict in given]
    except BaseException:  # SystemExit too
        return None


def unusable(plugin: str, sent: Sent) -> tuple[str | None]:
    """Why a row cannot be verified; in a tuple, so that no reason is taken for a failure of the worker.

    Raises:
        BaseException: whatever the plug-in raises.
    """
    question = sent.question()
    reason = loaded(plugin).parseable(question.gold, question.metadata)
    if reason is None:
        return (None,)
    if type(reason) is not str:
        raise TypeError(f"parseable gave {type(reason).__name__}, not text or None")
    return (" ".join(reason.split())[:MOST_REASON] or "no reason given",)
