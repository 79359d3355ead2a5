"""Real engines over the real small model, and plain Transformers to compare them with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.config import Target
from builder.engines.servers import EngineServer, transformers_server
from tests.builder.conftest import READY_SECONDS


@pytest.fixture(scope="session")
def small_target(target: Target) -> Target:
    """The CPU target with a short context: less memory, faster start."""
    return target.model_copy(update={"context_length": 256, "max_length": 256})


@pytest.fixture(scope="session")
def served(smollm2: Path, small_target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineServer]:
    """Our own server, in fp32."""
    log = tmp_path_factory.mktemp("transformers") / "engine.log"
    with transformers_server(smollm2, small_target.model_copy(update={"dtype": "float32"}), log) as server:
        server.wait_ready(READY_SECONDS)
        yield server


@pytest.fixture(scope="session")
def plain_logprobs(plain_distributions) -> Callable[[list[int], list[int]], list[float]]:
    """Log-probs of a completion by one plain fp32 forward pass, `[time]`."""

    def logprobs(prompt: list[int], completion: list[int]) -> list[float]:
        chosen = [[token] for token in completion]
        found = plain_distributions(prompt, completion)
        return found.gather(1, found.new_tensor(chosen).long())[:, 0].tolist()

    return logprobs


@pytest.fixture(scope="session")
def plain_distributions(smollm2: Path) -> Callable:
    """Log-probs of all tokens in a completion's places by one plain fp32 forward pass: no cache, padding or batch."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32, use_safetensors=True).eval()

    @torch.inference_mode()
    def distributions(prompt: list[int], completion: list[int]) -> torch.Tensor:
        return torch.log_softmax(model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1], -1)

    return distributions


@pytest.fixture(scope="session")
def prompt_ids(smollm2: Path) -> list[int]:
    """A short real prompt."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    turns = [{"role": "user", "content": "What is 3 + 4?"}]
    text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    return tokenizer(text, add_special_tokens=False).input_ids
