"""Run by torchrun in `test_sharding.py`: gradients of a policy whose weights are spread over two processes (FSDP2)."""

import torch
import torch.distributed as dist
from accelerate import FullyShardedDataParallelPlugin
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from tests.trainers.conftest import tiny_llama
from tests.trainers.test_trainer import VOCABULARY, random_rows
from trainers.collate import collate
from trainers.policy import deliver_logprobs, keep_fp32


def backward(model, rows):
    batch = collate(rows, "packed")
    logprobs, _ = model(**{name: batch[name] for name in ("input_ids", "position_ids", "predictors", "targets")})
    (-logprobs.sum()).backward()
    return logprobs


def policy(tied):
    model = tiny_llama(vocab_size=VOCABULARY, tie_word_embeddings=tied)
    deliver_logprobs(model)
    return model


def shard(model, precision):
    settings = {"mesh": init_device_mesh("cpu", (2,)), "reshard_after_forward": True, "mp_policy": precision}
    for layer in model.model.layers:
        fully_shard(layer, **settings)
    fully_shard(model, **settings)
    return model


def check_gradients(tied):
    rows = random_rows(8)
    whole = policy(tied)
    backward(whole, rows)
    sharded = shard(policy(tied), MixedPrecisionPolicy())
    backward(sharded, [rows[n] for n in range(dist.get_rank(), 8, 2)])
    for (name, expected), part in zip(whole.named_parameters(), sharded.parameters(), strict=True):
        part.grad.div_(0.5)  # ranks are averaged; this is also how self-normalisation rescales
        torch.testing.assert_close(part.grad.full_tensor(), expected.grad, rtol=1e-4, atol=1e-6, msg=name)


def check_bf16():
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2, mixed_precision_policy="bf16")
    keep_fp32(plugin, None)
    logprobs = backward(shard(policy(tied=True), plugin.mixed_precision_policy), random_rows(8))
    exact = backward(policy(tied=True), random_rows(8))
    assert logprobs.dtype == torch.float32
    assert not torch.equal(logprobs, exact)  # it was computed in bf16
    assert not torch.equal(logprobs, logprobs.bfloat16().float())  # but not rounded to it


dist.init_process_group("gloo")
check_gradients(tied=True)
check_gradients(tied=False)
check_bf16()
dist.destroy_process_group()
