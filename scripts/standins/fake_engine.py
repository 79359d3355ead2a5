"""An engine that answers at once over real HTTP, for routing, resuming and fault injection.

It speaks the part of vLLM's wire that the builder uses. What it answers is a function of the prompt and of how often it
was asked, chosen by `answer`; log-probs are made up. It counts what it was asked for.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable

from builder.policy.chat import Chat
from scripts.standins.loopback import Exchange, Loopback

Answer = Callable[[str, int], str]
"""(prompt text, how many samples of it were drawn before) -> the text of the next sample."""


class FakeEngine(Loopback):
    """Serves on a free loopback port while the context lasts."""

    def __init__(self, chat: Chat, answer: Answer, max_model_len: int = 4096) -> None:
        super().__init__()
        self.chat, self.answer, self.max_model_len = chat, answer, max_model_len
        self.sampled: Counter[str] = Counter()
        self.scored: Counter[tuple[int, ...]] = Counter()
        self.asked = 0  # requests that arrived, answered or not
        self.root: str | None = None  # what it says that it has loaded
        self.drawn_logprob, self.scored_logprob = -0.5, -1.0  # of every token; scored, each has an entropy of 0.75
        self.before: Callable[[dict], int | None] = lambda request: None
        self._lock = threading.Lock()

    def serve(self, exchange: Exchange) -> None:
        """Answer as vLLM does."""
        status, content = 200, {}
        if exchange.command == "POST":
            request = json.loads(exchange.body())
            with self._lock:
                self.asked += 1
            status = self.before(request) or 200
            spoiled = {"error": {"message": "injected fault"}}
            content = spoiled if status != 200 else {"choices": self.choices(request)}
        elif exchange.path == "/version":
            content = {"version": "0"}
        elif exchange.path == "/v1/models":
            content = {"data": [self.card()]}
        exchange.answer(status, json.dumps(content).encode())

    def card(self) -> dict:
        """What it says about its model."""
        root = {"root": self.root} if self.root else {}
        return {"id": "fake", "max_model_len": self.max_model_len, **root}

    def choices(self, request: dict) -> list[dict]:
        """The choices of one completions request."""
        ids = request["prompt"]
        if request.get("prompt_logprobs") is not None:
            with self._lock:
                self.scored[tuple(ids)] += 1
            scores = [None, *({str(token): {"logprob": self.scored_logprob}} for token in ids[1:])]
            known = {"prompt_logprobs": scores, "prompt_entropies": [None, *(0.75 for _ in ids[1:])]}
            return [self._choice(0, ids[-1:], request) | known]
        prompt = self.chat.prompt_text(ids)
        with self._lock:
            first = self.sampled[prompt]
            self.sampled[prompt] += request["n"]
        texts = [self.answer(prompt, first + i) for i in range(request["n"])]
        return [self._choice(i, self.chat.completion(text), request) for i, text in enumerate(texts)]

    def _choice(self, index: int, ids: list[int], request: dict) -> dict:
        kept = ids[: request["max_tokens"]]
        return {
            "index": index,
            "text": self.chat.text(kept),
            "token_ids": kept,
            "logprobs": {"token_logprobs": [self.drawn_logprob] * len(kept)},
            "finish_reason": "stop" if len(kept) == len(ids) else "length",
        }
