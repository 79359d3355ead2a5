"""Memory of a step, computed on tensors without content: it adds up where it can be added up by hand."""

import pytest
from transformers import LlamaConfig

from scripts.memory import simulate

pytestmark = pytest.mark.slow

SIZES = {"vocab_size": 4000, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
CONFIG = LlamaConfig(**SIZES, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=False)
LAYER = 64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128 + 2 * 64
WEIGHTS = 2 * 4000 * 64 + 2 * LAYER + 64
ADAPTER = 2 * 16 * ((64 + 64) * 2 + (64 + 32) * 2 + (64 + 128) * 3)  # rank 16 on seven layers of each block


def test_a_full_step_holds_weights_gradients_and_adams_state():
    whole = simulate(CONFIG, "full", rows=2, time=16)
    assert whole["weights"] == 4 * WEIGHTS
    assert whole["optimizer"] == pytest.approx(8 * WEIGHTS, rel=0.01)
    assert whole["peak"] > 16 * WEIGHTS
    half = simulate(CONFIG, "full", rows=2, time=16, gpus=2)
    assert (half["weights"], half["optimizer"]) == pytest.approx((2 * WEIGHTS, 4 * WEIGHTS), rel=0.01)
    assert half["peak"] < whole["peak"]


def test_an_adapter_needs_state_for_itself_alone():
    lora = simulate(CONFIG, "lora", rows=2, time=16)
    assert lora["weights"] == 2 * WEIGHTS + 4 * ADAPTER  # bf16, and fp32 for what is trained
    assert lora["optimizer"] == pytest.approx(8 * ADAPTER, rel=0.01)
    assert lora["peak"] > lora["weights"] + lora["optimizer"]
