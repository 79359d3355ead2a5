from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from builder.errors import InputError
from tests.trainers.conftest import tiny_llama
from trainers.data.collate import collate
from trainers.data.rows import Row
from trainers.model.parity import INPUTS
from trainers.model.policy import deliver_logprobs, prepare_sharding


def rows(sizes):
    draw = np.random.default_rng(0)
    nothing = [np.zeros(completion, np.float32) for _, completion in sizes]
    return [
        Row(str(n), draw.integers(0, 90, prompt), draw.integers(0, 90, completion), nothing[n], nothing[n])
        for n, (prompt, completion) in enumerate(sizes)
    ]


@pytest.fixture(params=["sdpa", "eager"])
def model(request):
    model = tiny_llama(vocab_size=97, attn_implementation=request.param).eval()
    deliver_logprobs(model)
    return model


def test_rows_do_not_see_each_other_however_they_are_put_together(model):
    batch = rows([(3, 4), (1, 1), (6, 2), (2, 9)])
    expected = []
    with torch.no_grad():
        for row in batch:
            ids = torch.tensor([[*row.prompt_ids, *row.completion_ids]])
            logprobs = model(input_ids=ids).logits[0].log_softmax(-1)  # without targets: the model as it was
            first = len(row.prompt_ids) - 1
            expected.append(logprobs[range(first, ids.shape[1] - 1), ids[0, first + 1 :]])
        for batching in ("packed", "bucketed"):
            inputs = collate(batch, batching)
            logprobs, entropy = model(**{name: inputs[name] for name in INPUTS})
            torch.testing.assert_close(logprobs, torch.cat(expected), rtol=1e-4, atol=1e-5)
            assert (entropy > 0).all()


def test_deepspeed_adds_gradients_up_in_fp32_unless_told_otherwise():
    for given, kept in ({}, "fp32"), ({"data_types": {"grad_accum_dtype": "bf16"}}, "bf16"):
        plugin = SimpleNamespace(deepspeed_config=given)
        prepare_sharding(SimpleNamespace(state=SimpleNamespace(deepspeed_plugin=plugin)))
        assert plugin.deepspeed_config == {
            "data_types": {"grad_accum_dtype": kept},
            "communication_data_type": "fp32",
        }


def test_a_model_that_bends_its_logits_is_refused():
    sizes = {"vocab_size": 31, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "head_dim": 4}
    config = Gemma2Config(**sizes, num_attention_heads=2, num_key_value_heads=1)
    with pytest.raises(InputError, match="final_logit_softcapping"):
        deliver_logprobs(Gemma2ForCausalLM(config))
