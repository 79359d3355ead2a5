"""Conversations to token ids, and which of them are learned: exactly those that the policy would draw.

What the policy sees before an assistant turn is the template's text up to where that turn begins; what it draws there
is the content and the end-of-turn token. A conversation with several turns to learn must hold, for each of them, the
very tokens of both. Where a template writes a turn otherwise once others follow it (thinking left out, blanks added),
no mask over the whole could be right, and the conversation is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from builder.errors import InputError
from builder.policy.chat import Chat

Turn = dict[str, str]


@dataclass(frozen=True)
class Conversation:
    """Turns as role and content.

    Attributes:
        where: what an error begins with.
        turns: at least up to the last one that is learned.
        learned: indices of assistant turns, ascending; at least one.
    """

    where: str
    turns: Sequence[Turn]
    learned: Sequence[int]


@dataclass(frozen=True)
class Encoded:
    """A conversation up to the last turn that is learned.

    Attributes:
        prompt_ids: up to where the first of them begins.
        completion_ids: all that follows.
        learned: `[completion]` bool.
    """

    prompt_ids: list[int]
    completion_ids: list[int]
    learned: np.ndarray


def encode(conversations: Sequence[Conversation], chat: Chat) -> list[Encoded]:
    """Many conversations, on all cores.

    Raises:
        InputError: the template refuses one, or writes an earlier turn otherwise than the policy would draw it.
    """
    prompts = chat.ids([text for conversation in conversations for text in _prompts(conversation, chat)])
    contents = chat.completions([c.turns[turn]["content"] for c in conversations for turn in c.learned])
    drawn = zip(prompts, contents, strict=True)
    return [_joined(c, [next(drawn) for _ in c.learned], chat) for c in conversations]


def _prompts(conversation: Conversation, chat: Chat) -> Iterator[str]:
    for turn in conversation.learned:
        try:
            yield chat.rendered(list(conversation.turns[:turn]))
        except InputError as fault:
            raise InputError(f"{conversation.where}: {fault}") from None


def _joined(conversation: Conversation, drawn: list[tuple[list[int], list[int]]], chat: Chat) -> Encoded:
    # `drawn`: prompt and completion of every turn that is learned
    whole = list(chain(*drawn[-1]))
    learned = np.zeros(len(whole), bool)
    for turn, (prompt, content) in zip(conversation.learned, drawn, strict=True):
        end = len(prompt) + len(content)
        if whole[:end] != prompt + content:
            content = chat.completion(conversation.turns[turn]["content"].strip())  # as some templates write it
            end = len(prompt) + len(content)
        if whole[:end] != prompt + content:
            raise InputError(
                f"{conversation.where}, turn {turn}: the chat template of {chat.target.name} writes it otherwise once "
                "turns follow it, so that it cannot be learned exactly; mark the last turn alone with `train`"
            )
        learned[len(prompt) : end] = True
    first = len(drawn[0][0])
    return Encoded(whole[:first], whole[first:], learned[first:])
