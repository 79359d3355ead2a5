"""A release trains as it is: real optimizer steps with TRL, on a tiny random model with SmolLM2's tokenizer."""

from copy import deepcopy

import pytest
import torch
from datasets import load_dataset
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from builder.export import main as export
from tests.drawn_build import Drawn, Task, drawn_build

IGNORED = -100  # what the loss leaves out


@pytest.fixture(scope="module")
def tokenizer(smollm2):
    return AutoTokenizer.from_pretrained(smollm2)


@pytest.fixture
def model(tokenizer):
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape))


def trained(model, tokenizer, rows, tmp_path):
    """The trainer after three optimizer steps; every weight of the model was checked to move."""
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    args = SFTConfig(
        output_dir=str(tmp_path),
        max_steps=3,
        learning_rate=1e-2,
        per_device_train_batch_size=3,
        max_length=1024,
        eos_token="<|im_end|>",
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        logging_steps=1,
    )
    trainer = SFTTrainer(model=model, args=args, train_dataset=rows, processing_class=tokenizer)
    trainer.train()
    assert trainer.state.global_step == 3
    assert all(not torch.equal(before[name], weight) for name, weight in model.named_parameters())
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses[-1] < losses[0]
    return trainer


def learned(trainer):
    """Tokens that the loss was taken on, and tokens that were only read, by row of the collated batch."""
    batch = next(iter(trainer.get_train_dataloader()))
    return [
        (
            [token for token, label in zip(ids.tolist(), labels.tolist(), strict=True) if label != IGNORED],
            [token for token, label, seen in zip(ids.tolist(), labels.tolist(), mask.tolist(), strict=True)
             if label == IGNORED and seen],
        )
        for ids, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True)
    ]  # fmt: skip


@pytest.mark.slow
def test_trl_takes_default_unchanged_and_trains_on_the_completion_alone(first_release, model, tokenizer, tmp_path):
    rows = load_dataset(str(first_release), split="train")
    tokens = load_dataset(str(first_release), "tokens", split="train").to_list()
    found = learned(trained(model, tokenizer, rows, tmp_path))
    newline = tokenizer("\n", add_special_tokens=False).input_ids
    expected = [([*row["completion_ids"], *newline], row["prompt_ids"]) for row in tokens]
    # The template of SmolLM2 writes a newline behind the end of the turn; TRL learns it too.
    assert sorted(found) == sorted(expected)


@pytest.mark.slow
def test_tokens_train_without_tokenizing_again(first_release, model, tokenizer, tmp_path):
    tokens = load_dataset(str(first_release), "tokens", split="train")

    def labelled(row):
        prompt, completion = row["prompt_ids"], row["completion_ids"]
        return {"input_ids": prompt + completion, "labels": [IGNORED] * len(prompt) + completion}

    rows = tokens.map(labelled, remove_columns=tokens.column_names)
    found = learned(trained(model, tokenizer, rows, tmp_path))
    assert sorted(found) == sorted((row["completion_ids"], row["prompt_ids"]) for row in tokens)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "config", "trainer"), [("dpo", DPOConfig, DPOTrainer), ("kto", KTOConfig, KTOTrainer)]
)
def test_trl_takes_preferences(chat, target, model, tokenizer, tmp_path, form, config, trainer):
    tasks = [Task([Drawn("it is \\boxed{7}"), Drawn("it is \\boxed{8}", False)])] * 2
    release = drawn_build(tmp_path / "release", chat, target, tasks)
    export([str(release), "--format", form, "--output", str(tmp_path / form)])
    rows = load_dataset("json", data_files=str(tmp_path / form / "train.jsonl"), split="train")
    args = config(output_dir=str(tmp_path / "run"), max_steps=1, per_device_train_batch_size=2, learning_rate=1e-2,
                  use_cpu=True, bf16=False, report_to=[], save_strategy="no", disable_tqdm=True)  # fmt: skip
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    run = trainer(model=model, ref_model=deepcopy(model), args=args, train_dataset=rows, processing_class=tokenizer)
    run.train()
    assert run.state.global_step == 1
    assert any(not torch.equal(before[name], weight) for name, weight in model.named_parameters())


def test_the_card_shows_the_same_code(first_release):
    card = (first_release / "README.md").read_text()
    assert 'args=SFTConfig(output_dir="out", max_length=1024, eos_token="<|im_end|>")' in card
    assert 'return {"input_ids": prompt + completion, "labels": [-100] * len(prompt) + completion}' in card
