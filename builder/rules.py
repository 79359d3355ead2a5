"""When a verified candidate may be kept: pure functions of one candidate, each with a reason of its own."""

import re
from typing import Literal

from builder.config import Rules

RejectedReason = Literal["truncated", "not_correct", "control_token", "mentions_reference", "copies_reference"]

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


def mentions_reference(text: str) -> bool:
    """Whether a retelling talks about the solution it was shown, which a reader of D′ has never seen."""
    return _MENTION.search(text) is not None


def copy_rate(text: str, expert_solution: str) -> float:
    """Share of the text's word 8-grams that also occur in the expert solution, 0 to 1.

    Words are lower-cased runs of letters and digits or single other characters. A text of fewer than eight
    words counts as one n-gram.
    """
    grams = _ngrams(text)
    if not grams:
        return 0.0
    size = min(_NGRAM, len(grams[0]))
    expert = set(_ngrams(expert_solution, size))
    return sum(gram in expert for gram in grams) / len(grams)


def _ngrams(text: str, size: int = _NGRAM) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+|[^\w\s]", text.lower())
    size = min(size, len(words))
    return [tuple(words[i : i + size]) for i in range(len(words) - size + 1)] if size else []


def rejected_reason(
    *,
    phase: str,
    verdict: str,
    finish_reason: str,
    text: str,
    has_control_token: bool,
    expert_solution: str,
    rules: Rules,
) -> RejectedReason | None:
    """Why a candidate may not be kept; None if it may.

    A truncated candidate is never kept, whatever its verdict. The rules about the expert solution apply to the
    guided phase only, where the model has seen it.
    """
    if finish_reason != "stop":
        return "truncated"
    if verdict != "correct":
        return "not_correct"
    if has_control_token:
        return "control_token"
    if phase == "guided":
        if rules.forbid_mentions and mentions_reference(text):
            return "mentions_reference"
        if rules.max_copy_rate is not None and copy_rate(text, expert_solution) > rules.max_copy_rate:
            return "copies_reference"
    return None
