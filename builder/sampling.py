"""Draw samples through the journal: what was drawn before is never asked for again."""

from collections.abc import Sequence

from builder.engines.protocol import Completion, Engine, SamplingParams
from builder.journal import Journal, generation_key


def model_key(revision: str, dtype: str) -> str:
    """How journal keys name the policy: its weights, and the precision that they are run in."""
    return f"{revision} {dtype}"


def sample_keys(model: str, prompt: list[int], params: SamplingParams, seeds: Sequence[int]) -> list[bytes]:
    """Journal keys of the samples that `draw` draws for the same arguments."""
    return [generation_key(model, prompt, params, seed, index) for index, seed in enumerate(seeds)]


async def draw(
    engine: Engine, journal: Journal, model: str, prompt: list[int], params: SamplingParams, seeds: Sequence[int]
) -> list[tuple[bytes, Completion]]:
    """One sample for each seed, in order, with its journal key; the missing ones are drawn in one request.

    Args:
        engine: whom to ask.
        journal: where finished samples are looked up and kept.
        model: from `model_key`.
        prompt: token ids.
        params: how each sample is drawn.
        seeds: one a sample, a function of the sample's identity alone.

    Raises:
        EngineError: the engine is gone, or its answer breaks the protocol.
    """
    keys = sample_keys(model, prompt, params, seeds)
    found = [journal.get(key) for key in keys]
    missing = [index for index, completion in enumerate(found) if completion is None]
    if missing:
        drawn = await engine.generate(prompt, params, len(missing), seeds[missing[0]])
        journal.put((keys[index], completion) for index, completion in zip(missing, drawn, strict=True))
        for index, completion in zip(missing, drawn, strict=True):
            found[index] = completion
    return list(zip(keys, found, strict=True))
