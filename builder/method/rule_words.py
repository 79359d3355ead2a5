"""The rules that kept text obeys, in words: one table for the card and the report."""

from collections.abc import Mapping
from typing import Any

WHOSE = {
    "default": "the tool's own",
    "paper": "the paper's: the answer alone decides",
    "custom": "chosen for this build",
}
MEANING = {
    "accept_answers": "laxest form in which an answer counts: in a box (boxed), behind `####` or said in words too "
    "(stated), or merely the last number or expression (trailing)",
    "forbid_contradictions": "it states two different answers",
    "forbid_false_steps": "a numeric equation in it does not hold",
    "forbid_echoes": "it repeats the instructions of its prompt",
    "forbid_repetition": "it runs in circles",
    "forbid_talk": "it talks to or about whoever asked",
    "forbid_unreached": "its own calculation comes to another number than its answer",
    "forbid_unused": "it calculates something that nothing after it uses",
    "forbid_unsupported": "a retelling states its answer and does not come to it",
    "forbid_unfounded": "a retelling uses a number that it was not told and has not worked out",
    "max_copy_rate": "most word 8-grams of a retelling that may stand in the expert's solution",
    "max_hint_reliance": "most nats a token by which the expert's solution in the prompt may make a retelling likelier",
    "forbid_mentions": "a retelling talks about the solution that it was shown",
}


def rules_in_words(rules: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, setting and meaning of every rule that a manifest names; a manifest of an earlier version names fewer."""
    return [(name, _setting(rules[name]), meaning) for name, meaning in MEANING.items() if name in rules]


def whose_rules(rules: Mapping[str, Any]) -> str | None:
    """The name of the rules, and whose they are; None in a manifest that does not say."""
    name = rules.get("name")
    return f"{name} ({WHOSE[name]})" if name in WHOSE else None


def _setting(value: Any) -> str:
    if value is None:
        return "no limit"
    if isinstance(value, bool):
        return "not kept" if value else "kept"
    return f"{value:.0%}" if isinstance(value, float) else str(value)
