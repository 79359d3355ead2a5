"""When a verified candidate may be kept: pure functions of its text, each with a reason of its own (docs/rules.md)."""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from builder.config import Rules
from builder.texts.address import addresses_asker
from builder.texts.contradictions import contradicts_itself
from builder.texts.echoes import echoes_prompt
from builder.texts.false_steps import false_steps
from builder.texts.ngrams import word_ngrams
from builder.texts.repetition import repeats_itself
from builder.texts.unfounded import unfounded_numbers
from builder.texts.unreached import unreached_answer
from builder.texts.unsupported import unsupported_answer
from builder.texts.unused import unused_results

RejectedReason = Literal[
    "truncated",
    "not_correct",
    "control_token",
    "contradicts_itself",
    "false_step",
    "echoes_prompt",
    "repeats_itself",
    "addresses_asker",
    "unreached_answer",
    "unused_result",
    "unsupported_answer",
    "mentions_reference",
    "copies_reference",
    "unfounded_number",
    "relies_on_hint",
]


class Task(NamedTuple):
    """What a candidate responds to.

    Attributes:
        phase: "self", or "guided" where it has seen the expert's solution.
        problem: without instructions.
        expert_solution: the source's own.
        instructions: the words of the target's prompts that are neither problem nor solution.
        metadata: the row's own, a JSON object as text; "" if it has none.
    """

    phase: str
    problem: str
    expert_solution: str
    instructions: tuple[str, ...] = ()
    metadata: str = ""


class Rule(NamedTuple):
    """One rule: whether it is in force, and whether a text breaks it."""

    applies: Callable[[Rules, Task], bool]
    broken: Callable[[str, Task, Rules], bool]


RULES: dict[RejectedReason, Rule] = {
    "contradicts_itself": Rule(
        lambda rules, task: rules.forbid_contradictions,
        lambda text, task, rules: contradicts_itself(text),
    ),
    "false_step": Rule(
        lambda rules, task: rules.forbid_false_steps,
        lambda text, task, rules: bool(false_steps(text)),
    ),
    "echoes_prompt": Rule(
        lambda rules, task: rules.forbid_echoes,
        lambda text, task, rules: echoes_prompt(text, task.instructions),
    ),
    "repeats_itself": Rule(
        lambda rules, task: rules.forbid_repetition,
        lambda text, task, rules: repeats_itself(text),
    ),
    "addresses_asker": Rule(
        lambda rules, task: rules.forbid_talk,
        lambda text, task, rules: addresses_asker(text),
    ),
    "unreached_answer": Rule(
        lambda rules, task: rules.forbid_unreached,
        lambda text, task, rules: unreached_answer(text, task.problem),
    ),
    "unused_result": Rule(
        lambda rules, task: rules.forbid_unused,
        lambda text, task, rules: bool(unused_results(text)),
    ),
    "unsupported_answer": Rule(
        lambda rules, task: rules.forbid_unsupported and task.phase == "guided",
        lambda text, task, rules: unsupported_answer(text),
    ),
    "mentions_reference": Rule(
        lambda rules, task: rules.forbid_mentions and task.phase == "guided",
        lambda text, task, rules: mentions_reference(text),
    ),
    "copies_reference": Rule(
        lambda rules, task: rules.max_copy_rate is not None and task.phase == "guided",
        lambda text, task, rules: copy_rate(text, task.expert_solution) > rules.max_copy_rate,
    ),
    "unfounded_number": Rule(
        lambda rules, task: rules.forbid_unfounded and task.phase == "guided",
        lambda text, task, rules: bool(unfounded_numbers(text, task.problem, task.expert_solution)),
    ),
}

_NGRAM = 8
_MENTION = re.compile(
    r"\b(?:reference|expert|provided|supplied|given|original|sample|official|model)(?:'s)?\s+"
    r"(?:\w+\s+)?(?:solution|explanation|proof|derivation)s?\b"
    r"|\breference\s+answer\b"
    r"|\b(?:solution|explanation|proof|derivation)s?\s+(?:that\s+)?(?:(?:is|was|were|are|you)\s+)?"
    r"(?:provided|supplied|shown)\b"
    r"|\baccording\s+to\s+the\s+(?:solution|explanation|proof)\b",
    re.IGNORECASE,
)


def hint_reliance(behavior: float, policy: float, tokens: int) -> float:
    """How much likelier the hint made a retelling, mean over its tokens, nats.

    Args:
        behavior: log-prob under the distribution that drew it, sum over tokens.
        policy: the same under the plain prompt.
        tokens: that both are about.
    """
    return (behavior - policy) / tokens


def mentions_reference(text: str) -> bool:
    """Whether a retelling talks about the solution it was shown, which a reader of D′ has never seen."""
    return _MENTION.search(text) is not None


def copy_rate(text: str, expert_solution: str) -> float:
    """Share of the text's word 8-grams that also occur in the expert solution, 0 to 1.

    A text of fewer than eight words counts as one n-gram; what a word is, `word_ngrams` says.
    """
    grams = word_ngrams(text, _NGRAM)
    if not grams:
        return 0.0
    size = min(_NGRAM, len(grams[0]))
    expert = set(word_ngrams(expert_solution, size))
    return sum(gram in expert for gram in grams) / len(grams)


def broken_rule(text: str, task: Task, rules: Rules) -> RejectedReason | None:
    """The first rule in the order of `RULES` that a text breaks; None if it breaks none."""
    broken = (name for name, rule in RULES.items() if rule.applies(rules, task) and rule.broken(text, task, rules))
    return next(broken, None)


def rejected_reason(
    *, verdict: str, finish_reason: str, has_control_token: bool, broken: RejectedReason | None
) -> RejectedReason | None:
    """Why a candidate may not be kept, the first reason of several; None if it may.

    A truncated candidate is never kept, whatever its verdict.
    """
    if finish_reason != "stop":
        return "truncated"
    if verdict != "correct":
        return "not_correct"
    return "control_token" if has_control_token else broken
