"""Run by torchrun in `test_sharding.py`: a policy spread over two processes by Accelerate's own FSDP2, on CPUs."""

from types import SimpleNamespace

import torch
import torch.distributed as dist
from accelerate import FullyShardedDataParallelPlugin, PartialState
from accelerate.utils import fsdp2_prepare_model
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from tests.trainers.conftest import tiny_llama
from tests.trainers.training.test_trainer import VOCABULARY, random_rows
from trainers.data.collate import collate
from trainers.model.parity import INPUTS, deviation
from trainers.model.policy import deliver_logprobs, prepare_sharding
from trainers.training.saving import as_dtype


def backward(model, rows):
    batch = collate(rows, "packed")
    logprobs, _ = model(**{name: batch[name] for name in INPUTS})
    (-logprobs.sum()).backward()
    return logprobs


def policy(tied, dtype=torch.float32):
    model = tiny_llama(vocab_size=VOCABULARY, tie_word_embeddings=tied).to(dtype)
    deliver_logprobs(model)
    return model


def shard(model, precision):
    """As `accelerate launch --config_file trainers/configs/accelerate/fsdp2.yaml` would on GPUs."""
    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2,
        auto_wrap_policy="transformer_based_wrap",
        reshard_after_forward=True,
        cpu_ram_efficient_loading=True,
        mixed_precision_policy=precision,
    )
    accelerator = SimpleNamespace(
        state=SimpleNamespace(fsdp_plugin=plugin),
        gradient_state=SimpleNamespace(plugin_kwargs={}),
        mixed_precision=precision or "no",
        torch_device_mesh=None,
        is_main_process=dist.get_rank() == 0,
        device=torch.device("cpu"),
    )
    prepare_sharding(accelerator)
    assert accelerator.gradient_state.plugin_kwargs == {"sync_each_batch": True}
    return fsdp2_prepare_model(accelerator, model)


def check_gradients(tied):
    rows = random_rows(8)
    whole = policy(tied)
    backward(whole, rows)
    sharded = shard(policy(tied), None)
    for half in (rows[n] for n in range(dist.get_rank(), 4, 2)), (rows[n] for n in range(4 + dist.get_rank(), 8, 2)):
        backward(sharded, list(half))  # two micro-batches, each of them reduced
        assert all(p.grad.to_local().numel() <= p.numel() // 2 + p.shape[-1] for p in sharded.parameters())
    parts = dict(sharded.named_parameters())
    for name, expected in whole.named_parameters():
        parts[name].grad.div_(0.5)  # ranks are averaged; this is also how self-normalisation rescales
        torch.testing.assert_close(parts[name].grad.full_tensor(), expected.grad, rtol=1e-4, atol=1e-6, msg=name)


def check_parity():
    rows = random_rows(4)
    sharded = shard(policy(tied=True), None).eval()
    for batching in (None, "packed", "bucketed"):
        assert deviation(sharded, [rows[n] for n in range(4)], batching) < 1e-5


def check_bf16():
    rows = random_rows(8)
    sharded = shard(policy(tied=True), "bf16")
    logprobs, exact = backward(sharded, rows), backward(policy(tied=True), rows)
    assert logprobs.dtype == torch.float32
    assert not torch.equal(logprobs, exact)  # it was computed in bf16
    assert not torch.equal(logprobs, logprobs.bfloat16().float())  # but not rounded to it
    assert {p.grad.dtype for p in sharded.parameters()} == {torch.float32}
    assert {p.dtype for p in shard(policy(tied=True, dtype=torch.bfloat16), "bf16").parameters()} == {torch.float32}


def check_whole_weights():
    whole, sharded = policy(tied=True), shard(policy(tied=True), None)
    state = get_model_state_dict(sharded, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    if dist.get_rank() == 0:
        for name, tensor in as_dtype(state, torch.bfloat16).items():
            assert torch.equal(tensor, whole.state_dict()[name].bfloat16()), name


PartialState(cpu=True)  # the process group, over gloo
check_gradients(tied=True)
check_gradients(tied=False)
check_parity()
check_bf16()
check_whole_weights()
dist.destroy_process_group()
