"""Run by torchrun in `test_sharding.py`: gradients of a policy whose weights are spread over two processes (FSDP2)."""

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from tests.trainers.conftest import tiny_llama
from tests.trainers.test_trainer import VOCABULARY, random_rows
from trainers.collate import collate
from trainers.policy import deliver_logprobs


def backward(model, rows):
    batch = collate(rows, "packed")
    logprobs, _ = model(**{name: batch[name] for name in ("input_ids", "position_ids", "predictors", "targets")})
    (-logprobs.sum()).backward()


def policy(tied):
    model = tiny_llama(vocab_size=VOCABULARY, tie_word_embeddings=tied)
    deliver_logprobs(model)
    return model


def check(tied):
    rows = random_rows(8)
    whole = policy(tied)
    backward(whole, rows)
    sharded, mesh = policy(tied), init_device_mesh("cpu", (2,))
    for layer in sharded.model.layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True)
    fully_shard(sharded, mesh=mesh, reshard_after_forward=True)
    backward(sharded, [rows[n] for n in range(dist.get_rank(), 8, 2)])
    for (name, expected), part in zip(whole.named_parameters(), sharded.parameters(), strict=True):
        part.grad.div_(0.5)  # ranks are averaged; this is also how self-normalisation rescales
        torch.testing.assert_close(part.grad.full_tensor(), expected.grad, rtol=1e-4, atol=1e-6, msg=name)


dist.init_process_group("gloo")
check(tied=True)
check(tied=False)
dist.destroy_process_group()
