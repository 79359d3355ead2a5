"""Run by torchrun in `test_sharding.py`: whole runs under FSDP2 on two CPUs, checkpoints sharded, the model whole.

The command lines of several runs stand after each other, with `then` between them.
Accelerate turns FSDP into plain data parallelism without a GPU; told that it is FSDP, it does all it would do there.
"""

import sys
from itertools import groupby

from accelerate import FullyShardedDataParallelPlugin
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType
from transformers import Trainer

from trainers.train import main


def with_fsdp2(trainer):
    postprocess(trainer)
    for state in (PartialState, AcceleratorState):
        state._shared_state["distributed_type"] = DistributedType.FSDP
    AcceleratorState._shared_state["fsdp_plugin"] = FullyShardedDataParallelPlugin(
        fsdp_version=2,
        auto_wrap_policy="transformer_based_wrap",
        reshard_after_forward=True,
        cpu_ram_efficient_loading=True,
        state_dict_type="SHARDED_STATE_DICT",
    )
    trainer.is_fsdp_enabled = True


postprocess, Trainer.create_accelerator_and_postprocess = Trainer.create_accelerator_and_postprocess, with_fsdp2
for between, words in groupby(sys.argv[1:], lambda word: word == "then"):
    if not between:
        main(list(words), loss="importance_sampling")
