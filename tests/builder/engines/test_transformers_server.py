"""Our own server, end to end: a process of its own, the real model, the client that the pipeline uses."""

import asyncio
import dataclasses
import json
import urllib.error
import urllib.request

import pytest

from builder.engines import wire
from builder.engines.http_engine import EngineInfo, HttpEngine
from builder.engines.protocol import SamplingParams
from builder.engines.transformers_server import RequestError, check_request
from builder.errors import EngineError

PARAMS = SamplingParams(temperature=1.0, top_p=1.0, max_tokens=8, stop_token_ids=(2, 0))


def with_engine(url: str, use, **options):
    async def main():
        engine = HttpEngine([url], **options)
        try:
            return await use(engine)
        finally:
            await engine.close()

    return asyncio.run(main())


@pytest.mark.slow
def test_check(served, small_target):
    info = with_engine(served.url, HttpEngine.check, model=small_target.name)
    assert (info.model, info.max_model_len) == (small_target.name, small_target.context_length)
    assert isinstance(info, EngineInfo)
    assert info.version.startswith("transformers 5.")


@pytest.mark.slow
def test_samples_and_scores_agree_with_a_plain_forward_pass(served, prompt_ids, plain_logprobs):
    async def use(engine: HttpEngine):
        drawn = await engine.generate(prompt_ids, PARAMS, 3, seed=4)
        assert await engine.generate(prompt_ids, PARAMS, 3, seed=4) == drawn
        return drawn, await engine.score(prompt_ids, drawn[0].token_ids)

    drawn, scores = with_engine(served.url, use)
    assert len({tuple(completion.token_ids) for completion in drawn}) == 3
    plain = plain_logprobs(prompt_ids, drawn[0].token_ids)
    assert drawn[0].logprobs == pytest.approx(plain, abs=1e-3)
    assert scores.logprobs == pytest.approx(plain, abs=1e-3)


@pytest.mark.slow
def test_a_prompt_that_does_not_fit_is_refused_with_the_reason(served, prompt_ids):
    with pytest.raises(
        EngineError, match="HTTP 400: the prompt's 250 tokens and max_tokens 8 exceed max_model_len 256"
    ):
        with_engine(served.url, lambda engine: engine.generate([5] * 250, PARAMS, 1, seed=0))


@pytest.mark.slow
def test_tokens_of_another_models_vocabulary_are_refused(served):
    with pytest.raises(EngineError, match="HTTP 400: token id 100000 is outside"):
        with_engine(served.url, lambda engine: engine.generate([100_000], PARAMS, 1, seed=0))


@pytest.mark.slow
def test_a_body_that_is_not_json_is_refused(served):
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(served.url + wire.COMPLETIONS, b"{")
    assert refusal.value.code == 400
    assert json.load(refusal.value)["error"]["message"] == "the body is not JSON"


GENERATION = wire.generation_request([5, 6], PARAMS, 2, seed=1)
SCORING = wire.scoring_request([5, 6], [7])


GREEDY = wire.generation_request([5, 6], dataclasses.replace(PARAMS, temperature=0.0), 1, seed=1)


@pytest.mark.parametrize("body", [GENERATION, {"model": "smol", **GENERATION}, SCORING, GREEDY])
def test_what_the_client_sends_is_accepted(body):
    check_request(body, "smol", 256)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"best_of": 3}, "unknown field best_of"),
        ({"top_k": 5}, "top_k must be -1 or absent"),
        ({"repetition_penalty": 1.1}, "repetition_penalty must be 1.0"),
        ({"model": "other"}, "'other' does not exist; this server has 'smol'"),
        ({"prompt": "text"}, "prompt must be a list of token ids"),
        ({"prompt": []}, "prompt must be a list of token ids"),
        ({"prompt": [1, True]}, "prompt must be a list of token ids"),
        ({"n": 0}, "n and max_tokens must be"),
        ({"max_tokens": 2.5}, "n and max_tokens must be"),
        ({"max_tokens": 255}, "exceed max_model_len 256"),
        ({"stop_token_ids": 2}, "stop_token_ids must be a list"),
        ({"prompt_logprobs": 0}, "prompt_logprobs must be 0 or 20, with n 1 and max_tokens 1"),
        ({"temperature": -0.1}, "temperature must be 0 or above"),
        ({"temperature": float("nan")}, "temperature must be 0 or above"),
        ({"temperature": 0}, "n must be 1 at temperature 0"),
        ({"top_p": 1.5}, "top_p must be above 0 and at most 1"),
        ({"seed": "x"}, "seed must be a whole number"),
        ({"logprobs": 5}, "logprobs must be 0"),
        ({"ignore_eos": False}, "ignore_eos true"),
    ],
)
def test_what_it_would_have_to_ignore_or_cannot_do_is_refused(change, message):
    with pytest.raises(RequestError, match=message):
        check_request({**GENERATION, **change}, "smol", 256)
