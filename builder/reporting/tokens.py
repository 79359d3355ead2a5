"""Texts that are shown as tokens with their stored log-probs, where the target's tokenizer is on this machine."""

from collections.abc import Mapping
from typing import Any

from builder.config import Target
from builder.policy.chat import Chat
from builder.policy.models import tokenizer_at_hand
from builder.release.open import Release
from builder.reporting.numbers import finite

Tokens = list[tuple[str, float | None]]
"""Parts of a text with log π of each, nats; None where that is not finite."""


def tokens_of(release: Release, rows: Mapping[str, str], problems: Mapping[str, str]) -> dict[str, dict[str, Tokens]]:
    """The tokens of kept and of expert texts.

    Args:
        release: where their ids and log-probs are.
        rows: kept texts by row id.
        problems: expert texts by the id of their problem.

    Returns:
        `kept` and `expert`, by the same ids, without texts whose tokens are not known; empty without the tokenizer.
    """
    if not (chat := _chat(release.manifest)):
        return {}
    return {
        "kept": _tokens(release, "tokens", "completion_ids", rows, chat),
        "expert": _tokens(release, "expert", "token_ids", problems, chat) if release.has("expert") else {},
    }


def _chat(manifest: Mapping[str, Any]) -> Chat | None:
    """The tokenizer, if it is on this machine and the very one that the release was made with."""
    settings = manifest["settings"]
    if "target" not in settings:
        return None
    target = Target.model_validate(settings["target"])
    if not (path := tokenizer_at_hand(target, settings["model_revision"])):
        return None
    chat = Chat(path, target)
    return chat if chat.hashes() == manifest["target"]["hashes"] else None


def _tokens(release: Release, config: str, column: str, texts: Mapping[str, str], chat: Chat) -> dict[str, Tokens]:
    import polars as pl

    rows = release.scan(config).filter(pl.col("id").is_in(list(texts))).select("id", column, "policy_logprobs")
    found = {}
    for row_id, ids, logprobs in rows.collect(engine="streaming").iter_rows():
        if parts := chat.parts(texts[row_id], ids):
            found[row_id] = [(part, finite(value, 2)) for part, value in zip(parts, logprobs, strict=False)]
    return found
