"""What a run leaves is a model like any other: it knows its end of turn, can be evaluated, and has a card."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from builder.errors import InputError
from builder.policy.chat import Chat
from builder.release.manifest import read_manifest
from tests.hub_standin import TOKEN, HubStandIn
from tests.trainers.conftest import tiny_llama
from tests.trainers.launch import quiet_environment
from tests.trainers.test_train import command
from trainers.evaluation.models import find_model
from trainers.train import main
from trainers.training.saving import as_dtype, end_turns_with

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(tiny_model, tmp_path_factory):
    """A model that was never taught a conversation: it ends with the end of the text alone."""
    folder = tmp_path_factory.mktemp("base") / "model"
    shutil.copytree(tiny_model, folder)
    tiny_llama(eos_token_id=0).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def taught(base, tiny_target, tmp_path_factory):
    """That model, once it has learnt one answer by heart, and that its turn ends there."""
    folder = tmp_path_factory.mktemp("taught")
    (folder / "rows.jsonl").write_text(json.dumps({"prompt": "1 + 1?", "completion": "It is two."}) + "\n")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(tiny_target.model_dump(mode="json")))
    settings = "--data text --batch-size 1 --max-steps 40 --learning-rate 2e-2 --use-cpu --save-dtype bfloat16"
    where = ["--dataset", str(folder / "rows.jsonl"), "--target", str(folder / "tiny.yaml"), "--model", str(base)]
    assert main([*where, "--output", str(folder / "run"), *settings.split()], loss="sft") == 0
    return folder / "run"


def test_the_trained_model_ends_its_turn_by_transformers_defaults(taught, base):
    tokenizer, model = AutoTokenizer.from_pretrained(taught), AutoModelForCausalLM.from_pretrained(taught)
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "1 + 1?"}], add_generation_prompt=True)
    ids = torch.tensor([asked["input_ids"]])
    answered = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=60, do_sample=False)
    assert tokenizer.decode(answered[0, ids.shape[1] :]) == "It is two.<|im_end|>"
    stop = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    assert GenerationConfig.from_pretrained(base).eos_token_id == stop[1]  # by which it would have gone on
    assert model.config.eos_token_id == model.generation_config.eos_token_id == stop


def test_the_trained_model_ends_its_turn_by_vllms_defaults(taught, tiny_target):
    sampling = pytest.importorskip("vllm.sampling_params", exc_type=ImportError)
    from vllm.transformers_utils.config import try_get_generation_config

    tokenizer = AutoTokenizer.from_pretrained(taught)
    params, stop = sampling.SamplingParams(), tokenizer.convert_tokens_to_ids(tiny_target.stop_tokens)
    found = try_get_generation_config(str(taught), trust_remote_code=False).to_diff_dict()
    params.update_from_generation_config(found, tokenizer.convert_tokens_to_ids("<|endoftext|>"))
    assert set(stop) <= params.all_stop_token_ids


def test_what_ends_a_turn_is_added_to_what_did_so_before():
    model = tiny_llama(vocab_size=97)
    model.generation_config.eos_token_id = [5, 7]
    end_turns_with(model, (9, 5))
    assert model.config.eos_token_id == model.generation_config.eos_token_id == [9, 5, 7]
    model.generation_config.eos_token_id = None
    end_turns_with(model, (9,))
    assert model.generation_config.eos_token_id == [9]


def test_the_trained_model_may_be_saved_in_another_precision_than_it_was_trained_in(taught, tiny_model):
    saved = load_file(taught / "model.safetensors")
    assert saved.keys() == load_file(tiny_model / "model.safetensors").keys()
    assert {tensor.dtype for tensor in saved.values()} == {torch.bfloat16}
    assert AutoModelForCausalLM.from_pretrained(taught).dtype == torch.bfloat16
    last = max(taught.glob("checkpoint-*"), key=lambda folder: int(folder.name.partition("-")[2]))
    exact = load_file(last / "model.safetensors")
    assert {tensor.dtype for tensor in exact.values()} == {torch.float32}  # what --resume continues from
    assert all(torch.equal(saved[name], exact[name].bfloat16()) for name in saved)


def test_weights_that_share_memory_still_do_in_another_precision():
    table, counts = torch.zeros(3, 2), torch.ones(2, dtype=torch.long)
    state = as_dtype({"embed": table, "head": table, "half": table[:1], "counts": counts}, torch.bfloat16)
    assert state["embed"].data_ptr() == state["head"].data_ptr()
    assert state["half"].shape == (1, 2)
    assert state["counts"].dtype == torch.long


def test_a_checkpoint_can_be_evaluated(release, tiny_target, tiny_model, tmp_path):
    output = tmp_path / "run"
    assert main(command(release, output, "--max-steps", "3"), loss="dft") == 0
    found = find_model(str(output / "checkpoint-3"), None)
    assert found.training["loss"] == "dft"
    assert found.target.end_of_turn == tiny_target.end_of_turn
    assert Chat(output / "checkpoint-3", found.target).hashes() == Chat(tiny_model, tiny_target).hashes()
    assert AutoModelForCausalLM.from_pretrained(output / "checkpoint-3").config.eos_token_id[0] == 2


def test_a_pushed_model_has_its_tokenizer_its_template_and_a_card(release, tmp_path):
    arguments = command(release, tmp_path / "run", "--max-steps", "3", "--held-out", "2", "--push-to-hub")
    with HubStandIn() as hub:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "trainers.importance_sampling",
                *arguments,
                "--clip",
                "2",
                "--hub-model-id",
                "me/trained",
            ],
            env=quiet_environment() | hub.environment(tmp_path / "home", TOKEN),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        repo = hub.repos[("model", "me/trained")]
        files = repo.commits[repo.head].files
    assert {"model.safetensors", "config.json", "tokenizer.json", "run.json", "steps.jsonl", "README.md"} <= set(files)
    assert any(name.endswith(".jinja") or name == "tokenizer_config.json" for name in files)
    text = files["README.md"].decode()
    card = ModelCard(text)
    assert (card.data.license, card.data.pipeline_tag) == ("apache-2.0", "text-generation")
    assert card.data.tags == ["mind-the-gap", "importance-sampling"]
    manifest = read_manifest(release)
    for said in ("# me/trained", "all of D′", "ends its turn with `<|im_end|>`", "| optimizer steps | 3 of 6 rows |"):
        assert said in text
    assert f"at `{manifest['target']['revision']}`" in text
    assert "| rows | 20, of them 2 held out; 0 truncated |" in text
    assert "| options of the loss | clip 2.0, null_denominator one |" in text
    assert "| the same, held-out rows |" in text
    assert str(release.parent) not in text  # what it was trained on, but not where that was


def test_the_card_asks_as_the_training_text_did(taught, release, tmp_path):
    assert main(command(release, tmp_path / "run", "--max-steps", "1"), loss="sft") == 0
    for run, question in (
        (taught, '"What is 12 * 12?"'),
        (tmp_path / "run", r'"What is 12 * 12?\nPlease reason step by'),
    ):
        text = (run / "README.md").read_text()
        assert f'"content": {question}' in text
        assert ModelCard(text).data.datasets is None  # it is on this machine
        assert str(run.parent) not in text


def test_what_cannot_be_pushed_is_said_before_training(release, tmp_path):
    arguments = command(release, tmp_path / "run", "--push-to-hub", "--hub-model-id", "me/no/such")
    with pytest.raises(InputError, match="--push-to-hub: model me/no/such cannot be written: Repo id must be"):
        main(arguments, loss="dft")
    assert not (tmp_path / "run").exists()
