"""What a model is loaded with: attention and precision, or why not."""

from types import SimpleNamespace

import pytest
import torch
from transformers import FalconMambaForCausalLM, LlamaForCausalLM

from builder.errors import InputError
from trainers.arguments import Settings
from trainers.training import load as loader
from trainers.training.load import attention, batching, four_bits


@pytest.fixture
def machine(monkeypatch):
    """A machine with or without a GPU, on which some packages are installed."""

    def make(gpu, *installed):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
        monkeypatch.setattr(loader, "find_spec", lambda name: name if name in installed else None)

    return make


@pytest.mark.parametrize(
    ("gpu", "installed", "half", "model_class", "reason"),
    [
        (False, ["flash_attn"], True, LlamaForCausalLM, "it needs a GPU, and none is seen here"),
        (True, [], True, LlamaForCausalLM, "it needs `pip install flash-attn`"),
        (True, ["flash_attn"], False, LlamaForCausalLM, "it computes in 16 bits only: add --bf16"),
        (True, ["flash_attn"], True, FalconMambaForCausalLM, "FalconMambaForCausalLM does not support it"),
    ],
)
def test_flash_attention_is_taken_where_it_can_be_and_refused_with_the_reason(
    machine, gpu, installed, half, model_class, reason
):
    machine(gpu, *installed)
    assert attention("auto", model_class, half) is None
    with pytest.raises(InputError, match=f"^--attention flash_attention_2: {reason}; --attention auto"):
        attention("flash_attention_2", model_class, half)
    machine(True, "flash_attn")
    assert attention("auto", LlamaForCausalLM, True) == "flash_attention_2"
    assert attention("flash_attention_2", LlamaForCausalLM, True) == "flash_attention_2"


def test_other_attention_is_what_is_asked_for():
    assert [attention(wanted, LlamaForCausalLM, False) for wanted in ("sdpa", "eager")] == ["sdpa", "eager"]
    with pytest.raises(InputError, match="--attention sdpa: FalconMambaForCausalLM does not support it"):
        attention("sdpa", FalconMambaForCausalLM, False)


@pytest.mark.parametrize(
    ("wanted", "computed", "taken"),
    [("auto", "flash_attention_2", "packed"), ("auto", "sdpa", "bucketed"), ("packed", "eager", "packed")],
)
def test_rows_are_packed_where_flash_attention_keeps_them_apart(wanted, computed, taken):
    model = SimpleNamespace(config=SimpleNamespace(_attn_implementation=computed))
    assert batching(Settings(loss="sft", dataset="d", output="o", batching=wanted), model) == taken


def test_weights_of_4_bits_need_a_gpu_and_bitsandbytes(machine):
    machine(True)
    with pytest.raises(InputError, match="--load-in-4bit needs `pip install bitsandbytes`"):
        four_bits(torch.bfloat16)
    machine(False, "bitsandbytes")
    with pytest.raises(InputError, match="--load-in-4bit needs a GPU, and none is seen here"):
        four_bits(torch.bfloat16)


def test_weights_of_4_bits_are_those_of_qlora(machine, monkeypatch):
    machine(True, "bitsandbytes")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.50.0")
    config = four_bits(torch.bfloat16)
    assert (config.load_in_4bit, config.bnb_4bit_quant_type, config.bnb_4bit_use_double_quant) == (True, "nf4", True)
    assert config.bnb_4bit_compute_dtype == torch.bfloat16
