import pytest
import torch

from tests.trainers.architectures import tiny
from tests.trainers.training.test_trainer import random_rows
from trainers.data.collate import collate
from trainers.model import attention
from trainers.model.attention import NAME, row_sizes, separate_rows
from trainers.model.parity import INPUTS
from trainers.model.policy import deliver_logprobs


def logprobs_and_gradients(model, rows, batching):
    batch = collate(rows, batching)
    logprobs, _ = model(**{name: batch[name] for name in INPUTS})
    model.zero_grad()
    logprobs.sum().backward()
    return [logprobs.detach(), *(parameter.grad.clone() for parameter in model.parameters())]


@pytest.mark.parametrize(
    ("name", "settings"),
    [("llama", {}), ("mistral", {"sliding_window": 4}), ("gemma3_text", {"sliding_window": 3})],
)
def test_row_by_row_is_the_same_attention(name, settings):
    rows, model = list(random_rows(6)), tiny(name, settings)
    deliver_logprobs(model)
    masked = logprobs_and_gradients(model, rows, "packed")
    assert separate_rows(model)
    for batching in ("packed", "bucketed"):
        for ours, theirs in zip(logprobs_and_gradients(model, rows, batching), masked, strict=True):
            assert (ours - theirs).norm() < 1e-5 * theirs.norm()


def test_a_model_with_an_attention_of_its_own_keeps_it():
    assert not separate_rows(tiny("bloom", {}))
    eager = tiny("llama", {})
    eager.set_attn_implementation("eager")
    assert not separate_rows(eager)
    assert eager.config._attn_implementation == "eager"


def test_what_is_saved_does_not_know_of_it(tmp_path):
    model = tiny("llama", {})
    separate_rows(model)
    model.save_pretrained(tmp_path)
    assert NAME not in (tmp_path / "config.json").read_text()


def test_a_row_begins_where_a_token_does_not_see_the_one_before_it():
    row = torch.tensor([0, 0, 0, 1, 2, 2])
    mask = (row[:, None] == row[None, :]).tril()[None, None]
    assert row_sizes(mask) == [3, 1, 2]
    assert row_sizes(torch.ones(1, 1, 4, 4, dtype=torch.bool).tril()) == [4]


def test_on_a_cpu_attention_is_computed_in_fp32_without_a_mask_between_rows(monkeypatch):
    seen = []
    forward = attention.sdpa_attention_forward

    def spy(module, query, key, value, mask, **others):
        seen.append((query.dtype, query.shape[2], mask))
        return forward(module, query, key, value, mask, **others)

    monkeypatch.setattr(attention, "sdpa_attention_forward", spy)
    rows, model = list(random_rows(3)), tiny("llama", {})
    deliver_logprobs(model)
    separate_rows(model)
    with torch.autocast("cpu", torch.bfloat16):
        logprobs_and_gradients(model, rows, "packed")
    lengths = [len(row.prompt_ids) + len(row.completion_ids) for row in rows]
    assert seen == [(torch.float32, length, None) for _ in range(2) for length in lengths]  # two layers
