from pathlib import Path

import pytest
import torch
from accelerate.utils import merge_fsdp_weights
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.trainers.launch import torchrun
from tests.trainers.test_train import assert_same_curve, command, curve
from trainers.train import main

pytestmark = pytest.mark.slow


def in_two_processes(script, *arguments):
    done = torchrun(str(Path(__file__).with_name(script)), *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_policy_sharded_over_two_processes_has_the_gradients_of_a_whole_one():
    in_two_processes("sharded_policy.py")


# No log-prob of the expert's text is stored: π_0 is the model with its adapter off, sharded, too.
LORA = "--lora --lora-rank 4 --data expert --null-denominator policy --max-steps 3 --save-strategy no".split()


def test_a_sharded_run_has_the_curve_of_a_whole_one_and_leaves_a_whole_model(release, tmp_path):
    assert main(command(release, tmp_path / "one"), loss="importance_sampling") == 0
    assert main(command(release, tmp_path / "one-lora", *LORA), loss="importance_sampling") == 0
    whole, output = load_file(tmp_path / "one" / "model.safetensors"), tmp_path / "run"
    arguments = command(release, output, "--save-dtype", "bfloat16")
    in_two_processes("sharded_run.py", *arguments, "then", *command(release, tmp_path / "run-lora", *LORA))
    assert_same_curve(curve(output), curve(tmp_path / "one"), rel=1e-3)
    assert_same_curve(curve(tmp_path / "run-lora"), curve(tmp_path / "one-lora"), rel=1e-3)
    for name, tensor in load_file(tmp_path / "run-lora" / "model.safetensors").items():
        expected = load_file(tmp_path / "one-lora" / "model.safetensors")[name]
        torch.testing.assert_close(tensor, expected, rtol=1e-2, atol=1e-2)
    saved = load_file(output / "model.safetensors")
    assert saved.keys() == whole.keys()
    for name, tensor in saved.items():
        assert tensor.dtype == torch.bfloat16
        torch.testing.assert_close(tensor.float(), whole[name], rtol=1e-2, atol=1e-2)

    last, before = output / "checkpoint-8", output / "checkpoint-6"
    assert not (last / "model.safetensors").exists()
    (last / "complete").unlink()  # as if it had been killed while this was written
    assert f"continuing from {before}" in in_two_processes("sharded_run.py", *arguments, "--resume")
    assert_same_curve(curve(output), curve(tmp_path / "one"), rel=1e-3)

    merge_fsdp_weights(str(last / "pytorch_model_fsdp_0"), str(last))
    merged = AutoModelForCausalLM.from_pretrained(last)
    assert merged.generation_config.eos_token_id == [2, 0]
    for name, tensor in merged.state_dict().items():
        if name in whole:
            torch.testing.assert_close(tensor, whole[name], rtol=1e-2, atol=1e-3)
