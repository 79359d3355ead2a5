import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from builder.engines import grouped_attention
from builder.engines.grouped_attention import group_query_heads

PADDED = torch.tensor([[0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]])


def model(key_heads: int, attention: str = "sdpa") -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32,
        hidden_size=48,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=key_heads,
        attn_implementation=attention,
    )
    return LlamaForCausalLM(config).eval()


@torch.inference_mode()
def decoded(llama: LlamaForCausalLM, mask: torch.Tensor) -> torch.Tensor:
    """Logits `[batch, 4, vocabulary]` of a prefill of three positions and three steps of one position each."""
    ids = torch.arange(12).reshape(2, 6)
    positions = (mask.cumsum(dim=-1) - 1).clamp(min=0)
    cache, logits = None, []
    for start, end in ((0, 3), (3, 4), (4, 5), (5, 6)):
        output = llama(
            ids[:, start:end],
            attention_mask=mask[:, :end],
            position_ids=positions[:, start:end],
            past_key_values=cache,
            use_cache=True,
        )
        cache = output.past_key_values
        logits.append(output.logits[:, -1])
    return torch.stack(logits, dim=1)


@pytest.mark.parametrize("key_heads", [1, 2, 6])
@pytest.mark.parametrize("mask", [PADDED, torch.ones_like(PADDED)], ids=["padded", "full"])
def test_decoding_is_that_of_transformers(key_heads, mask):
    llama = model(key_heads)
    expected = decoded(llama, mask)
    group_query_heads(llama)
    assert torch.allclose(decoded(llama, mask), expected, atol=1e-6)


@pytest.mark.parametrize(("key_heads", "steps_of_transformers"), [(2, 0), (6, 3)])
def test_only_what_shares_keys_is_done_here(monkeypatch, key_heads, steps_of_transformers):
    lengths: list[int] = []

    def spy(module, query, *args, **kwargs):
        lengths.append(query.shape[2])
        return sdpa_attention_forward(module, query, *args, **kwargs)

    llama = model(key_heads)
    monkeypatch.setattr(grouped_attention, "sdpa_attention_forward", spy)
    group_query_heads(llama)
    decoded(llama, PADDED)
    layers = 2
    assert sorted(lengths) == sorted([3] * layers + [1] * layers * steps_of_transformers)


def test_other_attention_stays_as_it_is():
    llama = model(2, "eager")
    group_query_heads(llama)
    assert llama.config._attn_implementation == "eager"
