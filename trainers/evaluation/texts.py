"""The responses of one policy, and how another one takes them; both are kept in journals."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from builder.config import Sampling
from builder.engines.protocol import Completion, Engine
from builder.journal.draw import score
from builder.journal.journal import Journal, scoring_key
from builder.policy.chat import Chat
from trainers.evaluation.problems import Loaded, Prompt
from trainers.evaluation.sampling import Sampler

_AT_ONCE = 256  # texts on their way to the engine, which bounds the memory that they take


@dataclass(frozen=True)
class Policy:
    """One of two policies that are compared.

    Attributes:
        key: names it in journals, from `model_key`.
        journal: where its own responses are kept.
    """

    key: str
    journal: Journal


@dataclass(frozen=True)
class Text:
    """One response.

    Attributes:
        prompts: name of the set that its prompt is from.
        id: of the prompt.
        index: number of the sample within its prompt.
        prompt: token ids.
        tokens: `[time]` ids that can be scored: all but those that fill the context, as scoring draws one more.
        finish_reason: "stop", or "length" if it was cut off.
    """

    prompts: str
    id: str
    index: int
    prompt: list[int]
    tokens: list[int]
    finish_reason: str


class Texts:
    """What one policy writes.

    Args:
        policy: whose responses they are.
        chat: tokenizer and template that it is asked with.
        prompts: what it is asked.
        sampling: how responses are drawn.
        seed: of all of them.
    """

    def __init__(
        self, policy: Policy, chat: Chat, prompts: Sequence[Loaded[Prompt]], sampling: Sampling, seed: int
    ) -> None:
        self.policy, self.prompts, self._chat = policy, prompts, chat
        self._sampler = Sampler(chat, policy.journal, policy.key, sampling, seed)

    def all_drawn(self) -> bool:
        """Whether the journal holds every response."""
        return self._sampler.all_known(self.prompts)

    async def draw(self, engine: Engine, note: Callable[[], None]) -> None:
        """Draw what the journal lacks; `note` is called after each prompt.

        Raises:
            EngineError: the engine is gone; what is finished is in the journal.
        """
        await self._sampler.sample_all(engine, self.prompts, lambda _: note())

    def __iter__(self) -> Iterator[Text]:
        """Those in the journal, in the order of prompts; none of a prompt that leaves no room for one."""
        for loaded in self.prompts:
            for problem in loaded.problems:
                yield from self._of(loaded.name, problem)

    def _of(self, name: str, problem: Prompt) -> Iterator[Text]:
        prompt, keys = self._sampler.keys(name, problem)
        room = self._chat.target.context_length - 1 - len(prompt)
        for index, key in enumerate(keys if room > 0 else ()):
            if drawn := self.policy.journal.get(key):
                yield _text(name, problem.id, index, prompt, drawn, room)


def _text(name: str, identifier: str, index: int, prompt: list[int], drawn: Completion, room: int) -> Text:
    reason = drawn.finish_reason if len(drawn.token_ids) <= room else "length"
    return Text(name, identifier, index, prompt, drawn.token_ids[:room], reason)


class Scored:
    """Texts as a policy takes them, at temperature 1.

    Log-probs are asked for even where the policy itself drew the text: an engine rounds otherwise as it draws, and the
    two policies of a ratio are to be rounded alike.

    Args:
        texts: to score.
        key: names the policy that scores them in journals.
        journal: where scores are kept.
    """

    def __init__(self, texts: Texts, key: str, journal: Journal) -> None:
        self.texts, self._key, self._journal = texts, key, journal

    def missing(self) -> Iterator[Text]:
        """Drawn texts without scores."""
        return (text for text in self.texts if self._journal.get(self._entry(text)) is None)

    async def ask(self, engine: Engine, note: Callable[[int], None]) -> None:
        """Have all drawn texts scored; `note` gets the tokens of each.

        Raises:
            EngineError: the engine is gone; what is finished is in the journal.
        """
        waiting = self.missing()  # which all share

        async def work() -> None:
            for text in waiting:
                await score(engine, self._journal, self._key, text.prompt, text.tokens)
                note(len(text.tokens))

        tasks = [asyncio.create_task(work()) for _ in range(_AT_ONCE)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def logprob(self, text: Text) -> float:
        """Of a text that was scored, sum over tokens, nats."""
        return sum(self._journal.get(self._entry(text)).logprobs)

    def _entry(self, text: Text) -> bytes:
        return scoring_key(self._key, text.prompt, text.tokens)
