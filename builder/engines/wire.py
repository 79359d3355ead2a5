"""The wire between us and an engine's server: vLLM's OpenAI-compatible completions, with token ids both ways.

Requests are built and answers are checked here, without any I/O. An answer that passes the checks is a fact that the
journal may keep for good; one that does not is a `ViolationError`, never a completion.
"""

import math
from typing import Any

from builder.engines.entropy import entropies_of
from builder.engines.protocol import Completion, SamplingParams, Scores

COMPLETIONS = "/v1/completions"
MODELS = "/v1/models"
VERSION = "/version"
HEALTH = "/health"

# Sent explicitly: a server would otherwise take its defaults from the model's generation_config.json, and sample from
# another distribution than the policy.
NEUTRAL = {
    "top_k": -1,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
TOP = 20  # likeliest tokens that entropies are made from; what a server gives unless it is told otherwise
_SLACK = 1e-3  # nats; a log-prob of a near-certain token may round to slightly above zero
_LOWEST = -3.4e38  # nats; what fits into the journal's float32
_TOKEN_IDS = range(1 << 31)


class ViolationError(Exception):
    """An answer that breaks the protocol; the message says how."""


def generation_request(prompt_ids: list[int], params: SamplingParams, n: int, seed: int | None) -> dict[str, Any]:
    """Body of a request for `n` completions."""
    body = {
        "prompt": prompt_ids,
        "n": n,
        "max_tokens": params.max_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
        **NEUTRAL,
        "stop_token_ids": list(params.stop_token_ids),
        "ignore_eos": True,  # only `stop_token_ids` end a completion, whatever the tokenizer calls its own end
        "logprobs": 0,
        "return_token_ids": True,
        "skip_special_tokens": False,
    }
    return body if seed is None else {**body, "seed": seed}


def scoring_request(prompt_ids: list[int], completion_ids: list[int], *, entropies: bool = False) -> dict[str, Any]:
    """Body of a request for the log-probs of given tokens; the one token it draws is of no interest."""
    return {
        "prompt": prompt_ids + completion_ids,
        "max_tokens": 1,
        "temperature": 0.0,
        "prompt_logprobs": TOP if entropies else 0,
    }


def completions(answer: Any, params: SamplingParams, n: int) -> list[Completion]:
    """The completions in a server's answer.

    Raises:
        ViolationError: the answer is not what was asked for.
    """
    choices = _choices(answer, n)
    indices = [choice.get("index", 0) for choice in choices]
    if not all(isinstance(index, int) for index in indices):
        raise ViolationError(f"choices are numbered {indices}")
    order = sorted(range(n), key=indices.__getitem__)
    return [_completion(choices[position], params) for position in order]


def prompt_scores(
    answer: Any, prompt_ids: list[int], completion_ids: list[int], vocabulary: int | None = None
) -> Scores:
    """How the completion's tokens are taken, in a server's answer to a scoring request.

    Args:
        answer: of the server; one that knows entropies may give them as `prompt_entropies`, aligned with the prompt.
        prompt_ids: what was asked for,
        completion_ids: and scored.
        vocabulary: tokens that the model has; None if entropies were not asked for.

    Raises:
        ViolationError: the answer is not what was asked for.
    """
    (choice,) = _choices(answer, 1)
    entries = _aligned(choice, "prompt_logprobs", prompt_ids, completion_ids)
    try:
        scores = [entry[str(token)]["logprob"] for entry, token in zip(entries, completion_ids, strict=True)]
        logprobs = _checked_logprobs(scores)
        if vocabulary is None:
            return Scores(logprobs)
        if "prompt_entropies" in choice:
            exact = _aligned(choice, "prompt_entropies", prompt_ids, completion_ids)
            return Scores(logprobs, _checked_entropies(exact, vocabulary))
        top = [_likeliest(entry, min(TOP, vocabulary)) for entry in entries]
    except (TypeError, KeyError, AttributeError):
        raise ViolationError("prompt_logprobs lack an entry for one of the given tokens") from None
    entropies, bounds = entropies_of(top, vocabulary)
    return Scores(logprobs, entropies, bounds)


def _aligned(choice: dict[str, Any], name: str, prompt_ids: list[int], completion_ids: list[int]) -> list[Any]:
    """What a choice says about each token of the completion."""
    entries, tokens = choice.get(name), len(prompt_ids) + len(completion_ids)
    if not isinstance(entries, list) or len(entries) != tokens:
        raise ViolationError(f"{len(entries) if isinstance(entries, list) else 'no'} {name} for {tokens} tokens")
    return entries[len(prompt_ids) :]


def _likeliest(entry: dict[str, Any], count: int) -> list[float]:
    """The `count` largest log-probs at one place, in descending order."""
    values = _checked_logprobs([score["logprob"] for score in entry.values()])
    if len(values) < count:
        raise ViolationError(f"{len(values)} prompt_logprobs at a place, of the {count} that were asked for")
    return sorted(values, reverse=True)[:count]


def _choices(answer: Any, n: int) -> list[dict[str, Any]]:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise ViolationError("no list of choices in the answer")
    if len(choices) != n:
        raise ViolationError(f"{len(choices)} choices instead of {n}")
    return choices


def _completion(choice: dict[str, Any], params: SamplingParams) -> Completion:
    tokens, reason = choice.get("token_ids"), choice.get("finish_reason")
    detail = choice.get("logprobs")
    logprobs = detail.get("token_logprobs") if isinstance(detail, dict) else None
    if not isinstance(tokens, list) or not all(type(token) is int and token in _TOKEN_IDS for token in tokens):
        raise ViolationError("no list of token_ids in a choice (does this server know return_token_ids?)")
    if not isinstance(logprobs, list):
        raise ViolationError("no token_logprobs in a choice")
    if not 1 <= len(tokens) <= params.max_tokens:
        raise ViolationError(f"{len(tokens)} tokens where 1 to {params.max_tokens} were asked for")
    if len(logprobs) != len(tokens):
        raise ViolationError(f"{len(logprobs)} log-probs for {len(tokens)} tokens")
    if reason not in ("stop", "length"):
        raise ViolationError(f"unknown finish_reason {reason!r}")
    stops = set(params.stop_token_ids)
    if not stops.isdisjoint(tokens[:-1]):
        raise ViolationError("a stop token in the middle of a completion")
    if (tokens[-1] in stops) != (reason == "stop"):
        raise ViolationError(f"finish_reason {reason!r}, but the last token is {tokens[-1]}")
    return Completion(tokens, _checked_logprobs(logprobs), reason)


def _checked_logprobs(values: list[Any]) -> list[float]:
    for value in values:
        if type(value) not in (int, float) or not _LOWEST < value <= _SLACK:  # which NaN is not either
            raise ViolationError(f"{value!r} is not a log-prob")
    return [float(value) for value in values]


def _checked_entropies(values: list[Any], vocabulary: int) -> list[float]:
    highest = math.log(vocabulary) + _SLACK
    for value in values:
        if type(value) not in (int, float) or not -_SLACK <= value <= highest:  # which NaN is not either
            raise ViolationError(f"{value!r} is not an entropy over {vocabulary} tokens")
    return [max(0.0, value) for value in values]
