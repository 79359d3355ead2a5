import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import TrainerCallback, TrainingArguments

from builder.policy.chat import Chat
from builder.release.open import open_release
from tests.trainers.conftest import tiny_llama
from trainers.data.release_rows import release_rows
from trainers.data.rows import Row, Rows
from trainers.losses import LOSSES, Options
from trainers.model.parity import INPUTS
from trainers.model.policy import deliver_logprobs
from trainers.training.guards import DivergedError
from trainers.training.trainer import PolicyTrainer

pytestmark = pytest.mark.slow

VOCABULARY = 97


def random_rows(count=11, seed=0):
    draw = np.random.default_rng(seed)
    rows = []
    for n in range(count):
        prompt, completion = draw.integers(1, 12, 2)
        reference = np.log(draw.uniform(0.005, 0.02, completion)).astype(np.float32)
        behavior = np.full(completion, np.nan, np.float32) if n % 3 == 2 else reference - np.float32(0.3)
        ids = (draw.integers(0, VOCABULARY, size).astype(np.int32) for size in (prompt, completion))
        mask = np.ones(completion, bool)
        mask[1:-1] = n % 4 != 1  # some rows have turns in between that are only read
        rows.append(Row(f"row-{n}", *ids, behavior, reference, mask))
    return Rows(rows)


class Gradients(TrainerCallback):
    """Keeps the gradient of the first optimizer step."""

    def __init__(self):
        self.kept = None

    def on_pre_optimizer_step(self, args, state, control, model=None, **_):
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.kept = self.kept or {name: p.grad.clone() for name, p in trained.items()}


def trainer(tmp_path, rows, *, loss="dft", options=None, micro_rows=4, batch_size=8, batching="bucketed", **changes):
    model = changes.pop("model", None) or tiny_llama(vocab_size=VOCABULARY)
    names = ("held_out", "may_rebatch", "micro_tokens", "reduction")
    ours = {name: changes.pop(name) for name in names if name in changes}
    deliver_logprobs(model)
    settings = {
        "output_dir": str(tmp_path),
        "per_device_train_batch_size": micro_rows,
        "gradient_accumulation_steps": -(-batch_size // micro_rows),
        "max_grad_norm": 0.0,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
        "report_to": "none",
        "max_steps": 1,
    }
    return PolicyTrainer(
        model,
        TrainingArguments(**settings | changes),
        loss=loss,
        options=options or Options(),
        rows=rows,
        batch_size=batch_size,
        batching=batching,
        callbacks=[Gradients()],
        **ours,
    )


def first_step(tmp_path, rows, **settings):
    """Gradients and log line of the first optimizer step."""
    run = trainer(tmp_path, rows, **settings)
    run.train()
    kept = next(c for c in run.callback_handler.callbacks if isinstance(c, Gradients)).kept
    return kept, run.state.log_history[0]


def assert_same(one, other):
    (gradients, line), (other_gradients, other_line) = one, other
    for name, gradient in gradients.items():
        torch.testing.assert_close(other_gradients[name], gradient, rtol=1e-4, atol=1e-6, msg=name)
    for name in ("loss", "nll", "grad_norm", "weight_mean", "effective_sample_size", "completion_tokens"):
        assert other_line[name] == pytest.approx(line[name], rel=1e-5), name


@pytest.mark.parametrize(
    ("loss", "self_normalize"),
    [
        (name, flag)
        for name, loss in LOSSES.items()
        for flag in ((False, True) if "self_normalize" in loss.options else (False,))
    ],
)
def test_gradients_do_not_depend_on_micro_batches_padding_or_packing(tmp_path, loss, self_normalize):
    options = Options(self_normalize=self_normalize)
    whole = first_step(tmp_path, random_rows(), loss=loss, options=options, micro_rows=8)
    for divided in ({"micro_rows": 3, "batching": "packed"}, {"micro_rows": 1, "micro_tokens": 40}):
        assert_same(whole, first_step(tmp_path, random_rows(), loss=loss, options=options, **divided))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_row_of_weight_2_is_a_row_that_comes_twice(tmp_path, loss):
    options = Options(self_normalize="self_normalize" in LOSSES[loss].options)
    rows = list(random_rows(6))
    twice, weighted = [*rows, rows[1], rows[2]], [*rows]
    weighted[1:3] = (replace(row, weight=2.0) for row in rows[1:3])
    one = first_step(tmp_path, Rows(twice), loss=loss, options=options, micro_rows=8)
    other = first_step(tmp_path, Rows(weighted), loss=loss, options=options, micro_rows=3)
    other[1]["completion_tokens"] = one[1]["completion_tokens"]
    assert_same(one, other)


def test_the_last_step_of_an_epoch_may_have_fewer_rows_than_micro_batches(tmp_path):
    curves = []
    for micro_rows, batching in ((8, "bucketed"), (2, "packed")):
        run = trainer(
            tmp_path, random_rows(9), micro_rows=micro_rows, batching=batching, max_steps=-1, num_train_epochs=2
        )
        run.train()
        curves.append([line for line in run.state.log_history if "nll" in line])
    assert [line["step"] for line in curves[0]] == [1, 2, 3, 4]
    assert curves[0][0]["completion_tokens"] + curves[0][1]["completion_tokens"] == sum(
        random_rows(9).completion_lengths
    )
    for one, other in zip(*curves, strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-4)


def test_a_mean_of_means_weighs_micro_batches_alike(tmp_path):
    run = trainer(tmp_path, random_rows(8), loss="sft", micro_rows=2, reduction="micro_batch")
    model, batches = tiny_llama(vocab_size=VOCABULARY), list(run.get_train_dataloader())
    deliver_logprobs(model)
    for batch in batches:
        logprobs, _ = model(**{name: batch[name] for name in INPUTS})
        (-logprobs.mean() / len(batches)).backward()
    kept, _ = first_step(tmp_path, random_rows(8), loss="sft", micro_rows=2, reduction="micro_batch")
    assert len({len(batch["targets"]) for batch in batches}) > 1
    assert_gradients(kept, model)


def test_self_normalized_gradients_are_those_of_weights_divided_by_their_mean(tmp_path):
    plain, line = first_step(tmp_path, random_rows(), loss="importance_sampling")
    normalized, its = first_step(
        tmp_path, random_rows(), loss="importance_sampling", options=Options(self_normalize=True)
    )
    for name, gradient in plain.items():
        torch.testing.assert_close(normalized[name] * line["weight_mean"], gradient, rtol=1e-4, atol=1e-7)
    assert its["loss"] == pytest.approx(line["loss"] / line["weight_mean"], rel=1e-5)


def padded(rows):
    """The rows as any other trainer takes them: `input_ids`, `attention_mask` and `labels`, `[batch, time]`."""
    width = max(rows.lengths)
    batch = {"input_ids": [], "attention_mask": [], "labels": []}
    for row in rows:
        ids = [*row.prompt_ids.tolist(), *row.completion_ids.tolist()]
        pad = int(width - len(ids))
        batch["input_ids"].append(ids + [0] * pad)
        batch["attention_mask"].append([1] * len(ids) + [0] * pad)
        learned = np.where(row.learned, row.completion_ids, -100).tolist()
        batch["labels"].append([-100] * len(row.prompt_ids) + learned + [-100] * pad)
    return {name: torch.tensor(values) for name, values in batch.items()}


def assert_gradients(kept, model):
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(kept[name], parameter.grad, rtol=1e-4, atol=1e-7, msg=name)


def test_sft_is_transformers_own_loss(tmp_path):
    rows = random_rows(8)
    kept, line = first_step(tmp_path, rows, loss="sft")
    model = tiny_llama(vocab_size=VOCABULARY)
    loss = model(**padded(rows)).loss
    loss.backward()
    assert line["loss"] == pytest.approx(loss.item(), rel=1e-5)
    assert_gradients(kept, model)


def test_dft_is_trls_dft(tmp_path, smollm2):
    from datasets import Dataset
    from transformers import PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer

    rows = random_rows(8)
    kept, line = first_step(tmp_path, rows, loss="dft")
    model = tiny_llama(vocab_size=VOCABULARY)
    peer = SFTTrainer(
        model,
        args=SFTConfig(str(tmp_path), loss_type="dft", use_cpu=True, bf16=False, report_to="none"),
        train_dataset=Dataset.from_list([{"input_ids": [1, 2], "completion_mask": [0, 1]}]),
        processing_class=PreTrainedTokenizerFast.from_pretrained(smollm2),
    )
    count = torch.tensor(sum(rows.completion_lengths))
    loss = peer.compute_loss(model, padded(rows), num_items_in_batch=count)
    loss.backward()
    assert line["loss"] == pytest.approx(loss.item(), rel=1e-5)
    assert_gradients(kept, model)


def test_importance_sampling_on_untouched_self_rows_starts_at_weight_1(tmp_path, release, tiny_target, tiny_model):
    chat = Chat(tiny_model, tiny_target)
    rows = release_rows(open_release(str(release)), "self_alignment", chat)
    _, line = first_step(
        tmp_path, rows, loss="importance_sampling", model=tiny_llama(), batch_size=12, batching="packed"
    )
    for name in ("weight_p01", "weight_p50", "weight_p99", "weight_max", "effective_sample_size"):
        assert line[name] == pytest.approx(1, abs=1e-3), name
    _, sft = first_step(tmp_path, rows, loss="sft", model=tiny_llama(), batch_size=12)
    assert line["grad_norm"] == pytest.approx(sft["grad_norm"], rel=1e-3)


@pytest.mark.parametrize("micro_rows", [1, 5, 11])
def test_evaluation_is_exact_whatever_its_batches(tmp_path, micro_rows):
    rows = random_rows()
    run = trainer(tmp_path, rows, loss="sft", held_out=rows, per_device_eval_batch_size=micro_rows)
    with torch.no_grad():
        expected = tiny_llama(vocab_size=VOCABULARY)(**padded(rows)).loss.item()
    metrics = run.evaluate()
    assert metrics["eval_nll"] == metrics["eval_loss"] == pytest.approx(expected, rel=1e-5)


def test_a_loss_without_a_token_count_is_a_mean_over_the_batch(tmp_path):
    rows = random_rows(8)
    run = trainer(tmp_path, rows, loss="sft", micro_rows=8)
    inputs = next(iter(run.get_train_dataloader()))
    loss, outputs = run.compute_loss(run.model, inputs, return_outputs=True)
    assert loss.item() == pytest.approx(-outputs["logprobs"].mean().item(), rel=1e-6)


def test_a_loss_that_is_no_number_names_its_rows(tmp_path):
    rows = [random_rows(8)[n] for n in range(8)]
    rows[3].behavior[0] = -math.inf
    run = trainer(tmp_path, Rows(rows), loss="importance_sampling")
    with pytest.raises(DivergedError, match=r"step 1: the loss is not finite; rows: row-3\. .*--resume"):
        run.train()


def test_a_gradient_that_is_no_number_stops_the_run(tmp_path):
    model = tiny_llama(vocab_size=VOCABULARY)
    model.model.layers[0].mlp.down_proj.weight.register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(DivergedError, match=r"step 1: the gradient is not finite; rows: row-\d+, .* and 3 more"):
        trainer(tmp_path, random_rows(), model=model).train()


def test_every_line_says_what_a_person_wants_to_know(tmp_path):
    _, line = first_step(tmp_path, random_rows(), batching="packed")
    assert line["padding_share"] == 0
    assert line["tokens_per_second"] > 0
    assert line["peak_memory_gib"] > 0
    assert {"loss", "nll", "probability", "entropy", "grad_norm", "learning_rate", "clip_fraction"} <= set(line)
    _, padding = first_step(tmp_path, random_rows(), micro_rows=8)
    step = sorted(random_rows().lengths[row] for row in _first_rows())
    assert padding["padding_share"] == pytest.approx(1 - sum(step) / (8 * max(step)))


def _first_rows():
    from trainers.data.batches import shuffled_steps

    return shuffled_steps(11, 8, seed=42, epoch=0)[0]


def test_gradient_checkpointing_and_bf16_autocast_work(tmp_path):
    exact, _ = first_step(tmp_path, random_rows())
    checkpointed, _ = first_step(tmp_path, random_rows(), gradient_checkpointing=True)
    half, _ = first_step(tmp_path, random_rows(), bf16=True)
    for name, gradient in exact.items():
        torch.testing.assert_close(checkpointed[name], gradient, rtol=1e-4, atol=1e-7)
        assert (half[name] - gradient).norm() < 0.05 * gradient.norm(), name
