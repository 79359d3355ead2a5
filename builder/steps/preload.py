"""Done once before the steps are forked, so that they all begin with it: what takes seconds to import and to load."""

from pathlib import Path

from builder.config import Target
from builder.policy.chat import Chat

_CHATS: dict[tuple[Path, str], Chat] = {}


def chat_for(model_dir: Path, target: Target) -> Chat:
    """The target's tokenizer and template, loaded once in a process and in those that are forked from it."""
    key = model_dir, target.model_dump_json()
    if key not in _CHATS:
        _CHATS[key] = Chat(model_dir, target)
    return _CHATS[key]


def preload(model_dir: Path, target: Target) -> None:
    """Import every step, and load what those that ask the engine share."""
    from builder.steps import feed, generate, lean, route, score  # noqa: F401

    chat_for(model_dir, target)
