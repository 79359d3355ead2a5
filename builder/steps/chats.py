"""The target's tokenizer and template, once for all steps: they are forked from a process that has loaded it."""

from pathlib import Path

from builder.config import Target
from builder.policy.chat import Chat

_CHATS: dict[tuple[Path, str], Chat] = {}


def chat_for(model_dir: Path, target: Target) -> Chat:
    """Loaded once in a process and in those that are forked from it."""
    key = model_dir, target.model_dump_json()
    if key not in _CHATS:
        _CHATS[key] = Chat(model_dir, target)
    return _CHATS[key]
