"""Adapters: every loss is exact with them, the base stays what it was, and what is saved is a model like any other."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import PeftConfig
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, TrainingArguments

from builder.errors import InputError
from tests.trainers.architectures import BUCKETED, PACKED, tiny
from tests.trainers.conftest import tiny_llama
from tests.trainers.test_train import assert_same_curve, command, curve
from tests.trainers.training.test_trainer import VOCABULARY, Gradients, assert_same, random_rows
from trainers.arguments import Settings
from trainers.data.collate import collate
from trainers.data.rows import Row, Rows
from trainers.evaluation.models import find_model
from trainers.losses import LOSSES, Options
from trainers.merge import main as merge
from trainers.model.lora import Base, add_adapter, all_adapters_run, merge_adapter
from trainers.model.parity import INPUTS
from trainers.model.policy import deliver_logprobs
from trainers.train import main
from trainers.training.guards import check_settings
from trainers.training.lora_trainer import LoraTrainer

SETTINGS = Settings(loss="sft", dataset="d", output="o", lora=True, lora_rank=4, lora_alpha=4)


def adapted(**changes):
    """A tiny model with an adapter that does something already."""
    model = tiny_llama(vocab_size=VOCABULARY)
    policy = add_adapter(model, SETTINGS.model_copy(update=changes), seed=3)
    for name, parameter in policy.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    deliver_logprobs(model)
    return policy


def first_step(tmp_path, rows, loss, *, micro_rows=8, batching="bucketed", base_is_reference=False, **changes):
    settings = {
        "output_dir": str(tmp_path),
        "per_device_train_batch_size": micro_rows,
        "gradient_accumulation_steps": -(-8 // micro_rows),
        "max_grad_norm": 0.0,
        "logging_steps": 1,
        "max_steps": 1,
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
        "report_to": "none",
    }
    run = LoraTrainer(
        adapted(),
        TrainingArguments(**settings | changes),
        base=Base(tmp_path, "base", "r"),
        merge_into=None,
        base_is_reference=base_is_reference,
        loss=loss,
        options=Options(null_denominator="policy"),
        rows=rows,
        batch_size=8,
        batching=batching,
        callbacks=[Gradients()],
    )
    run.train()
    kept = next(c for c in run.callback_handler.callbacks if isinstance(c, Gradients)).kept
    return kept, run.state.log_history[0]


def logprobs(model, rows):
    inputs = collate(rows, "packed")
    with torch.no_grad():
        return model.eval()(**{name: inputs[name] for name in INPUTS})[0]


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_with_every_loss_gradients_are_the_adapters_and_do_not_depend_on_micro_batches(tmp_path, loss):
    whole = first_step(tmp_path, random_rows(), loss)
    assert whole[0]
    assert all("lora_" in name for name in whole[0])
    divided = first_step(tmp_path, random_rows(), loss, micro_rows=3, batching="packed", gradient_checkpointing=True)
    assert_same(whole, divided)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["psft", "asft_k3", "iw_sft", "importance_sampling"])
def test_the_policy_before_training_is_the_model_with_its_adapter_off(tmp_path, loss):
    base = tiny_llama(vocab_size=VOCABULARY)
    deliver_logprobs(base)
    stored, unknown = [], []
    for row in (replace(row, mask=None) for row in random_rows(8)):
        scored, nothing = logprobs(base, [row]).numpy(), np.full(len(row.completion_ids), np.nan, np.float32)
        stored.append(Row(row.id, row.prompt_ids, row.completion_ids, nothing, scored))
        unknown.append(Row(row.id, row.prompt_ids, row.completion_ids, nothing, nothing))
    computed = first_step(tmp_path, Rows(unknown), loss, base_is_reference=True)
    assert_same(first_step(tmp_path, Rows(stored), loss), computed)


def test_the_adapter_starts_as_nothing_the_same_for_a_seed_and_all_else_is_frozen():
    one, same, other = (add_adapter(tiny_llama(vocab_size=VOCABULARY), SETTINGS, seed) for seed in (3, 3, 4))
    drawn = [p for name, p in one.named_parameters() if "lora_A" in name]
    assert len(drawn) == 2 * 7  # all linear layers of two blocks
    assert {p.shape[0] for p in drawn} == {4}
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), same.state_dict().values(), strict=True))
    assert not torch.equal(drawn[0], next(p for name, p in other.named_parameters() if "lora_A" in name))
    assert {name.split(".")[-3] for name, p in one.named_parameters() if p.requires_grad} == {"lora_A", "lora_B"}
    ids = torch.arange(9)[None]
    torch.testing.assert_close(one(input_ids=ids).logits, tiny_llama(vocab_size=VOCABULARY)(input_ids=ids).logits)


def test_a_merged_model_is_the_base_with_its_adapter(tmp_path):
    policy, rows = adapted(), [random_rows(4)[n] for n in range(4)]
    tiny_llama(vocab_size=VOCABULARY).save_pretrained(tmp_path / "base")
    policy.save_pretrained(tmp_path / "adapter")
    policy.generation_config.eos_token_id = [5, 0]
    policy.generation_config.save_pretrained(tmp_path / "adapter")
    assert not (tmp_path / "adapter" / "README.md").exists()  # a run writes its own
    merge_adapter(tmp_path / "base", tmp_path / "adapter", tmp_path / "merged", torch.float32)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert merged.config.eos_token_id == merged.generation_config.eos_token_id == [5, 0]
    deliver_logprobs(merged)
    torch.testing.assert_close(logprobs(merged, rows), logprobs(policy, rows), rtol=1e-4, atol=1e-5)
    with policy.disable_adapter():
        assert not torch.allclose(logprobs(merged, rows), logprobs(policy, rows), atol=1e-2)


@pytest.mark.filterwarnings("ignore:Model has .tie_word_embeddings")
@pytest.mark.parametrize(
    ("modules", "message"), [(("nope",), "nope: Target modules"), (("lm_head",), "the head cannot")]
)
def test_layers_that_cannot_have_an_adapter_are_named(modules, message):
    with pytest.raises(InputError, match=f"--lora-target-modules.*{message}"):
        add_adapter(tiny_llama(vocab_size=VOCABULARY), SETTINGS.model_copy(update={"lora_target_modules": modules}), 0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The following .*_pattern keys", "ignore:fan_in_fan_out is set to False")
def test_all_linear_layers_of_most_architectures_can_have_one():
    """Mixtures' experts, which are one weight each, among them."""
    refused = {}
    for name, sizes in (PACKED | BUCKETED).items():
        try:
            policy = add_adapter(tiny(name, sizes), SETTINGS, seed=0)
            with all_adapters_run(policy):
                policy(input_ids=torch.arange(9)[None], use_cache=False)
        except (InputError, AttributeError) as error:  # phimoe's router is a linear layer that answers a pair
            refused[name] = str(error)
    assert set(refused) == {"falcon_h1", "falcon_mamba", "jamba", "mamba", "mamba2", "nemotron_h", "phimoe"}
    assert "JambaForCausalLM uses the weights of dt_proj by itself; name other layers" in refused["jamba"]
    assert "Module 'out_proj' is incompatible with Mamba-based models" in refused["mamba2"]


LORA = ("--lora", "--lora-rank", "4", "--save-total-limit", "9")


@pytest.fixture(scope="module")
def trained(release, tmp_path_factory):
    output = tmp_path_factory.mktemp("lora") / "run"
    assert main(command(release, output, *LORA), loss="dft") == 0
    return output


@pytest.mark.slow
def test_a_run_leaves_a_whole_model_its_adapter_and_what_it_was(trained, tiny_model, tiny_target):
    lines = curve(trained)
    assert lines[-1]["nll"] < lines[0]["nll"]
    assert find_model(str(trained), None).target.end_of_turn == tiny_target.end_of_turn
    whole, before = load_file(trained / "model.safetensors"), load_file(tiny_model / "model.safetensors")
    assert whole.keys() == before.keys()
    changed = {name for name in whole if not torch.equal(whole[name], before[name])}
    assert changed == {name for name in whole if "proj" in name}
    assert AutoModelForCausalLM.from_pretrained(trained).generation_config.eos_token_id[0] == 2
    facts = json.loads((trained / "run.json").read_text())["lora"]
    assert (facts["rank"], facts["target_modules"], facts["save"]) == (4, ["all-linear"], "merged")
    card = (trained / "README.md").read_text()
    assert (
        "| adapter (LoRA) | rank 4, alpha 32, dropout 0 on all-linear; added to the weights; by itself in `adapter/` |"
        in card
    )


@pytest.mark.slow
def test_checkpoints_are_adapters_that_can_be_made_models(trained, tmp_path, capsys):
    last = trained / "checkpoint-8"
    assert not (last / "model.safetensors").exists()
    with pytest.raises(InputError, match=f"holds an adapter, no model: `python -m trainers.merge {last} "):
        find_model(str(last), None)
    assert merge([str(last), "--output", str(tmp_path / "merged"), "--save-dtype", "bfloat16"]) == 0
    merged = load_file(tmp_path / "merged" / "model.safetensors")
    for name, tensor in load_file(trained / "model.safetensors").items():
        torch.testing.assert_close(merged[name].float(), tensor, rtol=1e-2, atol=1e-3)
    assert find_model(str(tmp_path / "merged"), None).training["loss"] == "dft"
    with pytest.raises(InputError, match="exists already"):
        merge([str(last), "--output", str(tmp_path / "merged")])
    with pytest.raises(InputError, match=r"holds no adapter of a trainer: it has no adapter_config\.json"):
        merge([str(trained), "--output", str(tmp_path / "other")])


@pytest.mark.slow
def test_a_run_is_continued_with_the_same_curve_and_not_with_another_adapter(trained, release, tmp_path):
    output = tmp_path / "run"
    shutil.copytree(trained, output)
    for step in (6, 8):
        shutil.rmtree(output / f"checkpoint-{step}")
    with pytest.raises(InputError, match=r"lora\.rank: was 4, is now 5"):
        main(command(release, output, *LORA, "--resume", "--lora-rank", "5"), loss="dft")
    assert main(command(release, output, *LORA, "--resume"), loss="dft") == 0
    assert_same_curve(curve(output), curve(trained), rel=1e-5)


@pytest.mark.slow
def test_an_adapter_alone_names_its_model(release, tiny_model, tmp_path, capsys):
    output = tmp_path / "run"
    more = ("--lora", "--lora-save", "adapter", "--lora-target-modules", "q_proj", "v_proj", "--data", "expert")
    assert main(command(release, output, *more, "--max-steps", "1"), loss="psft") == 0
    assert "before training: by the model with its adapter off" in capsys.readouterr().out
    assert not (output / "model.safetensors").exists()
    assert PeftConfig.from_pretrained(output).target_modules == {"q_proj", "v_proj"}
    model = AutoModelForCausalLM.from_pretrained(output)  # peft finds the base by its name
    assert any("lora_A" in name for name, _ in model.named_parameters())
    assert PeftConfig.from_pretrained(output).base_model_name_or_path == str(tiny_model)
    assert "library_name: peft" in (output / "README.md").read_text()


@pytest.mark.parametrize(("revision", "said"), [("0123456789abcdef" * 2 + "01234567",) * 2, ("local-0123", None)])
def test_a_saved_adapter_names_its_base_as_others_may_load_it(tmp_path, revision, said):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/cache/x", "r": 4}))
    Base(tmp_path, "you/base", revision).name_in(tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config == {"base_model_name_or_path": "you/base", "revision": said, "r": 4}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lora": False, "lora_rank": 8}, "--lora-rank has no effect without --lora"),
        ({"lora": False, "load_in_4bit": True}, "--load-in-4bit has no effect without --lora"),
        ({"lora_save": "adapter", "save_dtype": "bfloat16"}, "--save-dtype has no effect on --lora-save adapter"),
    ],
)
def test_what_has_no_effect_on_an_adapter_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        check_settings(Settings(**{"loss": "sft", "dataset": "d", "output": "o", "lora": True} | given))
