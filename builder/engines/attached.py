"""Whether a server that runs already is the target: what it says about itself, and how it scores a known text.

A server that we start ourselves needs none of this: it is given the weights, and the right `--logprobs-mode`.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.config import Sampling, Target
from builder.engines import AS_BEFORE, BY_NAME, BY_WEIGHTS
from builder.engines.http_engine import HttpEngine, last_part
from builder.engines.protocol import SamplingParams
from builder.engines.reference import as_scores, reference_scores
from builder.engines.wire import TOP
from builder.errors import EngineError, UnansweredError
from builder.policy.chat import Chat
from builder.policy.content_hash import read_entry, write_entry
from builder.policy.models import Model, vocabulary_size

# Nats a token, mean absolute difference. On SmolLM2-135M the same weights in fp32 and in bf16 are 0.03 apart, in int8
# 0.05; in fp8 0.19, in int4 0.8; with every q_proj 10 % larger 0.19, 20 % larger 0.33.
TOLERANCE = 0.15
_QUESTION = "Tell me something."
_TEXT = (
    "The river rises in the hills north of the town, and reaches the sea 214 km further south. A boat that leaves at "
    "7:45 and makes 18 km an hour needs almost twelve hours: 214 / 18 = 11.9. def area(r): return 3.14159 * r ** 2. "
    "Le matin, il fait froid; am Abend regnet es oft. So x^2 - 5x + 6 = 0 has the roots 2 and 3."
)
_DRAWN_AT = SamplingParams(temperature=2.0, top_p=1.0, max_tokens=8, stop_token_ids=())
_DRAWN = 4  # completions; vLLM refuses temperatures above 2
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_SNAPSHOT = re.compile(r"models--([\w.-]+?)--([\w.-]+)/snapshots/([0-9a-f]{40})(?:/|$)")


@dataclass(frozen=True)
class Expected:
    """What a server is taken for.

    Attributes:
        target: the policy.
        model: its files here; the weights need not be among them.
        chat: its tokenizer and template.
        sampling: how samples are drawn whose log-probs are kept; None if none are kept.
        entropies: whether scores have to come with entropies.
    """

    target: Target
    model: Model
    chat: Chat
    sampling: Sampling | None = None
    entropies: bool = False

    def known_text(self) -> tuple[list[int], list[int]]:
        """Prompt and completion to score, as long as the target's context allows."""
        prompt = self.chat.plain_prompt(_QUESTION)
        room = self.target.context_length - 1 - len(prompt)  # scoring draws one more token
        return prompt, self.chat.completion(_TEXT)[: max(1, room)]

    def highest_token(self) -> int:
        """The highest token id that tokenizer and weights both have."""
        size = vocabulary_size(self.model.path)
        return self.chat.highest_id if size is None else min(self.chat.highest_id, size - 1)


def examine(urls: Sequence[str], name: str, expected: Expected, memory: Path, say: Callable[[str], None]) -> str:
    """Check that attached servers serve the target, and report log-probs as samples are really drawn.

    A server is compared with the weights on this machine; where they are not here or too large, with what the first
    session found.

    Args:
        urls: of the servers.
        name: that the target is served by.
        expected: what the servers are taken for.
        memory: file that keeps the first session's scores.
        say: tells a person why he waits.

    Returns:
        How the servers were recognised: `BY_WEIGHTS`, `AS_BEFORE` or `BY_NAME`.

    Raises:
        EngineError: one of them serves another model, or reports log-probs of another distribution.
    """
    say("checking that the engine serves the target (--trust-engine leaves this out)")
    prompt, completion = expected.known_text()
    found = asyncio.run(_ask(urls, name, expected))
    reference = reference_scores(expected.model, expected.target.dtype, prompt, completion)
    remembered = _remembered(memory, prompt, completion)
    known, where = (reference, "the weights here score it") if reference else (remembered, "in the first session")
    for url, scores in found.items():
        _compare(scores, known or next(iter(found.values())), url, expected.target, where if known else "on the others")
    if remembered is None:
        write_entry(memory, {"text": [prompt, completion], "scores": next(iter(found.values()))})
    return BY_WEIGHTS if reference else AS_BEFORE if remembered else BY_NAME


def conflict(root: str | None, model: str, revision: str) -> str | None:
    """What a server's `root` (what it loaded its weights from) says against its serving a model; None if nothing.

    A directory says nothing, unless it is one of the Hub's cache: weights are called what their owner likes.

    Args:
        root: as the server reports it; None if it does not.
        model: the target's Hub repository, or its local directory.
        revision: the target's.
    """
    snapshot = _SNAPSHOT.search(root or "")
    served = f"{snapshot[1]}/{snapshot[2]}" if snapshot else root
    if not served or not _HUB_ID.fullmatch(served) or Path(model).is_dir():
        return None
    if last_part(served) != last_part(model):
        return f"serves {served}, not {model}"
    if snapshot and re.fullmatch(r"[0-9a-f]{40}", revision) and snapshot[3] != revision:
        return f"serves revision {snapshot[3]} of {served}, not {revision}"
    return None


def mean_difference(a: Sequence[float], b: Sequence[float]) -> float:
    """Mean absolute difference of two lists of log-probs `[time]`, nats a token."""
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / len(a)


def _compare(scores: list[float], known: list[float], url: str, target: Target, where: str) -> None:
    if (difference := mean_difference(scores, known)) > TOLERANCE:
        raise EngineError(
            f"the engine at {url} does not serve {target.model} at the revision of this run: it scores a known text "
            f"{difference:.2f} nats a token differently than {where} (up to {TOLERANCE} is rounding); "
            "--trust-engine believes it all the same"
        )


def _remembered(memory: Path, prompt: list[int], completion: list[int]) -> list[float] | None:
    found = read_entry(memory)
    same_text = isinstance(found, dict) and found.get("text") == [prompt, completion]
    return as_scores(found.get("scores"), len(completion)) if same_text else None


async def _ask(urls: Sequence[str], name: str, expected: Expected) -> dict[str, list[float]]:
    """Each server's scores of the known text, once nothing else speaks against it."""
    engines = {url: HttpEngine([url], model=name, send_seed=False) for url in urls}
    try:
        return {url: await _scores(url, name, engine, expected) for url, engine in engines.items()}
    finally:
        for engine in engines.values():
            await engine.close()


async def _scores(url: str, name: str, engine: HttpEngine, expected: Expected) -> list[float]:
    target, (prompt, completion) = expected.target, expected.known_text()
    if against := conflict((await engine.check()).root, target.model, expected.model.revision):
        raise EngineError(f"the engine at {url} {against}; --trust-engine uses it all the same")
    try:
        await engine.score(prompt[:1], [expected.highest_token()])
    except UnansweredError as error:
        raise EngineError(
            f"{error}; token {expected.highest_token()} is the highest of {target.model}: is it another model?"
        ) from None
    if expected.sampling and not expected.sampling.from_policy:
        await _refuse_raw(url, engine, expected.sampling, prompt)
    if expected.entropies:
        await _refuse_without_entropies(url, name, prompt, expected.highest_token() + 1)
    return (await engine.score(prompt, completion)).logprobs


async def _refuse_without_entropies(url: str, name: str, prompt: list[int], vocabulary: int) -> None:
    engine = HttpEngine([url], model=name, vocabulary=vocabulary)
    try:
        await engine.score(prompt[:1], prompt[1:2])
    except UnansweredError as error:
        raise EngineError(
            f"{error}; entropies are made from the {TOP} likeliest tokens: start the engine with --max-logprobs {TOP}, "
            "or build with --no-entropies"
        ) from None
    finally:
        await engine.close()


async def _refuse_raw(url: str, engine: HttpEngine, sampling: Sampling, prompt: list[int]) -> None:
    """Check that log-probs of samples are those of the distribution that was drawn from.

    Drawn at a high temperature, tokens have quite another log-prob than the policy's, which scoring gives.
    """
    drawn = await engine.generate(prompt, _DRAWN_AT, _DRAWN, seed=0)
    reported = [logprob for completion in drawn for logprob in completion.logprobs]
    scored = [
        logprob for completion in drawn for logprob in (await engine.score(prompt, completion.token_ids)).logprobs
    ]
    if mean_difference(reported, scored) < TOLERANCE:
        raise EngineError(
            f"the engine at {url} reports log-probs from before temperature and top_p, and this build samples at "
            f"temperature {sampling.temperature:g}, top_p {sampling.top_p:g}: start it with "
            "--logprobs-mode processed_logprobs"
        )
