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
def plain_logprobs(smollm2: Path) -> Callable[[list[int], list[int]], list[float]]:
    """Log-probs of a completion by one plain fp32 forward pass, `[time]`: no cache, no padding, no batch."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32, use_safetensors=True).eval()

    @torch.inference_mode()
    def logprobs(prompt: list[int], completion: list[int]) -> list[float]:
        logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
        return torch.log_softmax(logits, -1).gather(1, torch.tensor(completion)[:, None])[:, 0].tolist()

    return logprobs


@pytest.fixture(scope="session")
def prompt_ids(smollm2: Path) -> list[int]:
    """A short real prompt."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    turns = [{"role": "user", "content": "What is 3 + 4?"}]
    text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    return tokenizer(text, add_special_tokens=False).input_ids
