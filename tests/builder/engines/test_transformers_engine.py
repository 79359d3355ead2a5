import asyncio
import random
from collections.abc import Iterator

import pytest
import torch

from builder.engines import local_model
from builder.engines.local_model import Draft, LocalModel
from builder.engines.protocol import SamplingParams
from builder.engines.transformers_engine import DrawJob, ScoreJob, TransformersEngine, next_batch
from builder.errors import EngineError

pytestmark = pytest.mark.slow

STOPS = (2, 0)


def params(max_tokens: int, temperature: float = 1.0, top_p: float = 1.0, stops=STOPS) -> SamplingParams:
    return SamplingParams(temperature, top_p, max_tokens, stops)


@pytest.fixture(scope="module")
def fp32(smollm2) -> LocalModel:
    return LocalModel(smollm2, "float32", "cpu")


@pytest.fixture(scope="module")
def engine(fp32) -> Iterator[TransformersEngine]:
    """An engine over the weights that `fp32` has loaded already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builder.engines.transformers_engine.LocalModel", lambda *_: fp32)
        engine = TransformersEngine("unused", max_batch=8)
    yield engine
    asyncio.run(engine.close())


def test_logprobs_are_those_of_a_plain_forward_pass(engine, prompt_ids, plain_logprobs):
    async def both() -> tuple:
        drawn = await engine.generate(prompt_ids, params(12), n=3, seed=1)
        return drawn, await asyncio.gather(*(engine.score(prompt_ids, c.token_ids) for c in drawn))

    drawn, scores = asyncio.run(both())
    for completion, scored in zip(drawn, scores, strict=True):
        plain = plain_logprobs(prompt_ids, completion.token_ids)
        assert completion.logprobs == pytest.approx(plain, abs=1e-3)
        assert scored.logprobs == pytest.approx(plain, abs=1e-3)


def test_bf16_agrees_with_fp32_within_its_precision(smollm2, prompt_ids, plain_logprobs, monkeypatch):
    monkeypatch.setattr(local_model, "compute_dtype", lambda *_: torch.bfloat16)  # also where it is slow
    model = LocalModel(smollm2, "bfloat16", "cpu")
    row = Draft.seeded(prompt_ids, params(12), seed=1, index=0)
    model.generate([row])
    (scored,) = model.score([(prompt_ids, row.token_ids)])
    plain = plain_logprobs(prompt_ids, row.token_ids)
    # bf16 keeps 8 bits: logits of about 20 are off by up to 0.06 from rounding the output alone, and more after
    # 30 layers. A misaligned or wrongly normalized log-prob is off by nats.
    assert row.logprobs == pytest.approx(plain, abs=0.5)
    assert scored.logprobs == pytest.approx(plain, abs=0.5)
    mean = sum(abs(a - b) for a, b in zip(scored.logprobs, plain, strict=True)) / len(plain)
    assert mean < 0.15


@pytest.mark.parametrize("native", [True, False])
def test_a_cpu_without_bf16_computes_in_fp32(monkeypatch, native):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: native)
    cpu = torch.device("cpu")
    assert local_model.compute_dtype("bfloat16", cpu) == (torch.bfloat16 if native else torch.float32)
    assert local_model.compute_dtype("float32", cpu) == torch.float32
    assert local_model.compute_dtype("bfloat16", torch.device("cuda")) == torch.bfloat16


def test_the_same_seed_gives_the_same_tokens_whatever_the_batch_mates(fp32, prompt_ids):
    alone = Draft.seeded(prompt_ids, params(10), seed=5, index=3)
    fp32.generate([alone])
    crowd = [Draft.seeded(prompt_ids[: 3 + i] * (1 + i % 3), params(2 + 3 * i), seed=i, index=0) for i in range(4)]
    again = Draft.seeded(prompt_ids, params(10), seed=5, index=3)
    fp32.generate([*crowd, again])
    assert again.token_ids == alone.token_ids
    assert again.logprobs == pytest.approx(alone.logprobs, abs=1e-3)
    # Three of the four end early, so that the batch was cut in between: they are exact all the same.
    assert [len(row.token_ids) for row in crowd] == [2, 5, 8, 11]
    other = Draft.seeded(prompt_ids, params(10), seed=5, index=4)
    fp32.generate([other])
    assert other.token_ids != alone.token_ids


def test_rows_that_outlive_a_cut_batch_still_have_true_logprobs(fp32, prompt_ids, plain_logprobs):
    rows = [Draft.seeded(prompt_ids[i:], params(2 + 4 * i, stops=()), seed=7, index=i) for i in range(4)]
    fp32.generate(rows)
    for row in rows:
        assert row.logprobs == pytest.approx(plain_logprobs(row.prompt_ids, row.token_ids), abs=1e-3)


def test_a_batch_is_cut_as_soon_as_half_of_it_is_finished(fp32, prompt_ids, monkeypatch):
    widths = []
    original = local_model.draw
    monkeypatch.setattr(
        local_model, "draw", lambda logits, *rest: widths.append(len(logits)) or original(logits, *rest)
    )
    fp32.generate([Draft.seeded(prompt_ids, params(n, stops=()), seed=0, index=n) for n in (2, 2, 4, 6)])
    assert widths == [4, 4, 2, 2, 1, 1]


def test_completions_end_with_the_first_stop_token_and_contain_it(fp32, prompt_ids):
    free = Draft.seeded(prompt_ids, params(8, stops=()), seed=3, index=0)
    fp32.generate([free])
    assert free.finish_reason == "length"
    assert len(free.token_ids) == 8
    stop = free.token_ids[4]
    stopped = Draft.seeded(prompt_ids, params(8, stops=(stop,)), seed=3, index=0)
    fp32.generate([stopped])
    assert stopped.token_ids == free.token_ids[: free.token_ids.index(stop) + 1]
    assert stopped.completion().finish_reason == "stop"


def test_the_models_own_generation_config_has_no_say(smollm2, tmp_path, prompt_ids, fp32):
    for file in smollm2.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "generation_config.json").unlink()
    (tmp_path / "generation_config.json").write_text(
        '{"do_sample": true, "top_k": 1, "repetition_penalty": 5.0, "temperature": 0.1, "eos_token_id": [28, 30],'
        '"suppress_tokens": [1, 2, 3], "max_length": 20, "min_new_tokens": 3}'
    )
    rows = [Draft.seeded(prompt_ids, params(8), seed=11, index=0) for _ in range(2)]
    fp32.generate(rows[:1])
    LocalModel(tmp_path, "float32", "cpu").generate(rows[1:])
    assert rows[1].token_ids == rows[0].token_ids
    assert rows[1].logprobs == pytest.approx(rows[0].logprobs, abs=1e-5)


def test_temperature_and_top_p_are_in_the_logprobs(fp32, prompt_ids, plain_logprobs):
    cold = Draft.seeded(prompt_ids, params(6, temperature=0.01, top_p=0.5), seed=0, index=0)
    fp32.generate([cold])
    assert cold.logprobs == pytest.approx([0.0] * len(cold.token_ids), abs=1e-3)
    assert sum(plain_logprobs(prompt_ids, cold.token_ids)) < -0.1  # the policy itself is less sure


def test_at_temperature_0_every_token_is_the_likeliest(fp32, prompt_ids, plain_distributions):
    greedy, warm = (Draft.seeded(prompt_ids, params(6, temperature=t), seed=3, index=0) for t in (0.0, 1.0))
    fp32.generate([greedy, warm])
    likeliest = plain_distributions(prompt_ids, greedy.token_ids).max(-1)
    assert greedy.token_ids == likeliest.indices.tolist()
    assert greedy.logprobs == pytest.approx(likeliest.values.tolist(), abs=1e-3)


def test_scoring_a_batch_of_different_lengths(fp32, prompt_ids, plain_logprobs, monkeypatch):
    monkeypatch.setattr(local_model, "_CHUNK", 3)
    texts = [(prompt_ids[:5], prompt_ids[5:9]), (prompt_ids[:12], prompt_ids[12:13]), (prompt_ids, prompt_ids[:7])]
    for (prompt, completion), scores in zip(texts, fp32.score(texts), strict=True):
        assert scores.logprobs == pytest.approx(plain_logprobs(prompt, completion), abs=1e-3)


def test_entropies_are_those_of_the_whole_distributions(fp32, prompt_ids, plain_distributions):
    (scores,) = fp32.score([(prompt_ids, prompt_ids[:9])])
    found = plain_distributions(prompt_ids, prompt_ids[:9])
    assert scores.entropies == pytest.approx((-found.exp() * found).sum(-1).tolist(), abs=1e-3)
    assert scores.bounds == []


def test_excess_surprisal_is_zero_for_what_the_policy_draws_and_positive_for_foreign_text(fp32, prompt_ids):
    rows = [Draft.seeded(prompt_ids, params(8), seed=7, index=index) for index in range(60)]
    fp32.generate(rows)
    own = excess_surprisals(fp32.score([(prompt_ids, row.token_ids) for row in rows]))
    error = own.std() / len(own) ** 0.5
    assert error < 0.8  # of a text; 0.1 a token
    assert abs(own.mean()) < 3 * error
    shuffled = [random.Random(0).sample(row.token_ids, len(row.token_ids)) for row in rows[:8]]
    assert excess_surprisals(fp32.score([(prompt_ids, ids) for ids in shuffled])).mean() > 8.0


def excess_surprisals(scores):
    """Of whole texts, nats: a mean over the tokens of each would weigh short texts more than the expectation does."""
    return torch.tensor([-sum(s.logprobs) - sum(s.entropies) for s in scores])


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory")])
def test_out_of_memory_halves_the_batch(engine, fp32, prompt_ids, monkeypatch, error):
    sizes = []
    original = fp32.generate

    def limited(rows: list[Draft]) -> None:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise error
        original(rows)

    expected = asyncio.run(engine.generate(prompt_ids, params(3), n=5, seed=2))
    monkeypatch.setattr(fp32, "generate", limited)
    found = asyncio.run(engine.generate(prompt_ids, params(3), n=5, seed=2))
    assert [c.token_ids for c in found] == [c.token_ids for c in expected]
    assert sizes == [5, 2, 3, 1, 2]


def test_a_failing_batch_fails_its_callers_and_nobody_else(engine, fp32, prompt_ids, monkeypatch):
    async def use() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(fp32, "score", lambda _: 1 / 0)
            with pytest.raises(EngineError, match="failed on a batch of 1: ZeroDivisionError"):
                await engine.score(prompt_ids, [5])
        assert len((await engine.score(prompt_ids, [5])).logprobs) == 1

    asyncio.run(use())


def test_a_sequence_too_large_for_the_memory_says_so(engine, fp32, prompt_ids, monkeypatch):
    def full(_: list) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(fp32, "score", full)
    with pytest.raises(EngineError, match=f"out of memory on a single sequence of {len(prompt_ids) + 1} tokens"):
        asyncio.run(engine.score(prompt_ids, [5]))


def test_tokens_that_the_model_does_not_have_are_refused(engine):
    with pytest.raises(EngineError, match="token id 49152 is outside of the model's vocabulary of 49152"):
        asyncio.run(engine.generate([1, 49152], params(3), n=1, seed=0))
    with pytest.raises(EngineError, match="token id -1 "):
        asyncio.run(engine.score([1], [-1]))


def test_a_cancelled_caller_does_not_disturb_the_others(engine, prompt_ids):
    async def use() -> None:
        cancelled = asyncio.create_task(engine.generate(prompt_ids, params(3), n=2, seed=0))
        kept = asyncio.create_task(engine.generate(prompt_ids, params(3), n=2, seed=1))
        await asyncio.sleep(0)
        cancelled.cancel()
        assert len(await kept) == 2
        with pytest.raises(asyncio.CancelledError):
            await cancelled

    asyncio.run(use())


def test_closing_refuses_what_waits_and_what_comes(fp32, prompt_ids, monkeypatch):
    monkeypatch.setattr("builder.engines.transformers_engine.LocalModel", lambda *_: fp32)

    async def use() -> None:
        engine = TransformersEngine("unused", max_batch=1)
        waiting = [asyncio.create_task(engine.score(prompt_ids, [5])) for _ in range(20)]
        await asyncio.sleep(0)
        await engine.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert "the engine was closed" in str(results[-1])
        with pytest.raises(EngineError, match="the engine is closed"):
            await engine.score(prompt_ids, [5])

    asyncio.run(use())


def test_a_directory_without_a_model(tmp_path):
    with pytest.raises(EngineError, match=f"cannot load a model from {tmp_path}"):
        TransformersEngine(tmp_path)


def draw_job(length: int) -> DrawJob:
    return DrawJob(Draft.seeded([1] * length, params(1), seed=0, index=0))


def test_next_batch_is_the_oldest_job_and_those_nearest_to_it_in_length():
    jobs = [draw_job(length) for length in (10, 50, 11, 90, 9)]
    score = ScoreJob([1], [2])
    assert next_batch([*jobs, score], 3, 100) == [jobs[0], jobs[2], jobs[4]]
    assert next_batch([score, *jobs], 3, 100) == [score]


def test_next_batch_keeps_scoring_within_its_tokens():
    jobs = [ScoreJob([1] * length, [2]) for length in (19, 19, 24, 19, 59)]
    assert next_batch(jobs, 64, score_tokens=80) == [jobs[0], jobs[1], jobs[3]]
    assert next_batch(jobs[4:], 64, score_tokens=10) == [jobs[4]]
