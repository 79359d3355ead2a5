"""The real vLLM server, started and asked exactly as a build does it."""

import asyncio
import math
import statistics

import pytest

from builder.engines.http_engine import HttpEngine
from builder.engines.protocol import SamplingParams
from builder.engines.servers import gpu_memory_gib
from builder.errors import EngineError

pytestmark = pytest.mark.slow

STOPS = (2, 0)


def ask(server, use, **options):
    async def main():
        engine = HttpEngine([server.url], send_seed=gpu_memory_gib() > 0, **options)
        try:
            await engine.check()
            return await use(engine)
        finally:
            await engine.close()

    return asyncio.run(main())


def test_check(vllm, target):
    async def use(engine: HttpEngine):
        return await engine.check()

    info = ask(vllm, use)
    assert (info.model, info.max_model_len) == (target.name, target.context_length)
    assert info.version.startswith("vllm 0.")


def test_logprobs_of_samples_and_scores_agree_with_plain_transformers(vllm, prompt_ids, plain_logprobs):
    async def use(engine: HttpEngine):
        drawn = await engine.generate(prompt_ids, SamplingParams(1.0, 1.0, 24, STOPS), 3, seed=0)
        return drawn, await asyncio.gather(*(engine.score(prompt_ids, c.token_ids) for c in drawn))

    drawn, scores = ask(vllm, use)
    assert len(drawn) == 3
    for completion, scored in zip(drawn, scores, strict=True):
        plain = plain_logprobs(prompt_ids, completion.token_ids)
        # bf16 with 8 bits of precision, through 30 layers; a misaligned log-prob is off by nats.
        for found in (completion.logprobs, scored.logprobs):
            assert found == pytest.approx(plain, abs=0.5)
            assert sum(abs(a - b) for a, b in zip(found, plain, strict=True)) / len(plain) < 0.15


def test_excess_surprisal_of_what_the_policy_draws_is_zero(vllm, prompt_ids, plain_distributions):
    async def use(engine: HttpEngine):
        drawn = await engine.generate(prompt_ids, SamplingParams(1.0, 1.0, 8, STOPS), 60, seed=0)
        return drawn, await asyncio.gather(*(engine.score(prompt_ids, c.token_ids) for c in drawn))

    vocabulary = plain_distributions(prompt_ids, [5]).shape[1]
    drawn, scores = ask(vllm, use, vocabulary=vocabulary)
    excess = [-sum(s.logprobs) - sum(s.entropies) for s in scores]  # of whole texts
    assert abs(statistics.mean(excess)) < 5 * statistics.stdev(excess) / len(excess) ** 0.5 + 0.12
    for completion, scored in zip(drawn[:10], scores, strict=False):
        found = plain_distributions(prompt_ids, completion.token_ids)
        exact = (-found.exp() * found).sum(-1).tolist()
        differences = [abs(a - b) for a, b in zip(scored.entropies, exact, strict=True)]
        assert all(d <= bound + 1.0 for d, bound in zip(differences, scored.bounds, strict=True))  # bf16, 30 layers
        assert statistics.mean(differences) < 0.3


def test_only_the_given_stop_tokens_end_a_completion(vllm, prompt_ids):
    async def use(engine: HttpEngine):
        free = await engine.generate(prompt_ids, SamplingParams(0.01, 1.0, 60, ()), 1, seed=0)
        stop = free[0].token_ids[5]
        return free[0], (await engine.generate(prompt_ids, SamplingParams(0.01, 1.0, 60, (stop,)), 1, seed=0))[0]

    free, stopped = ask(vllm, use)
    assert free.finish_reason == "length"
    assert len(free.token_ids) == 60
    assert stopped.finish_reason == "stop"
    assert len(stopped.token_ids) <= 6


def test_logprobs_are_those_of_the_distribution_really_sampled_from(vllm, prompt_ids):
    drawn = ask(vllm, lambda engine: engine.generate(prompt_ids, SamplingParams(0.01, 0.5, 8, STOPS), 2, seed=0))
    for completion in drawn:
        # Each token is certain, or one of two whose logits are equal in bf16.
        assert all(min(abs(x), abs(x + math.log(2))) < 1e-3 for x in completion.logprobs), completion.logprobs


def test_a_prompt_that_does_not_fit_is_refused_with_vllms_reason(vllm, target):
    params = SamplingParams(1.0, 1.0, 8, STOPS)
    with pytest.raises(EngineError, match=rf"HTTP 400: .*{target.context_length}"):
        ask(vllm, lambda engine: engine.generate([5] * (target.context_length + 50), params, 1, seed=0))
