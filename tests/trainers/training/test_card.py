"""What a trained model's card says of where it comes from."""

import pytest

from trainers.training.card import model_card


@pytest.fixture
def run(target):
    """What `run.json` says of a run on a published release."""
    return {
        "loss": "dft", "data": "full", "dataset": "you/d", "dataset_revision": "c0ffee", "model": "me/base",
        "model_revision": "a" * 40, "target": target.model_dump(mode="json", exclude={"sampling", "vllm_args"}),
        "options": {}, "arguments": {"learning_rate": 1e-5, "lr_scheduler_type": "cosine", "bf16": False, "seed": 0},
        "rows": 9, "held_out": 0, "rows_truncated": 0, "batch_size": 3, "dtype": "float32",
    }  # fmt: skip


def test_data_is_linked_at_its_version(run):
    assert "[you/d@c0ffee](https://huggingface.co/datasets/you/d/tree/c0ffee):" in model_card("m", run, [])
    tagged = run | {"dataset": "you/d@v1.0.0"}
    assert "[you/d@v1.0.0](https://huggingface.co/datasets/you/d/tree/v1.0.0):" in model_card("m", tagged, [])
    part = {"data": "full", "share": 0.5}
    mixed = [part | {"dataset": "you/d@v1.0.0"}, part | {"dataset": "you/e"}]
    card = model_card("m", run | {"dataset_revision": None, "mixture": mixed}, [])
    assert "on 50.0% [you/d@v1.0.0](https://huggingface.co/datasets/you/d/tree/v1.0.0):" in card
    assert "and on 50.0% [you/e](https://huggingface.co/datasets/you/e):" in card
    assert "- you/d\n- you/e\n" in card  # the front matter has names alone


def test_settings_and_curves_are_linked(run):
    card = model_card("m", run, [{"step": 1, "loss": 1.0}])
    assert "[`run.json`](run.json)" in card
    assert "[`steps.jsonl`](steps.jsonl)" in card
    assert "python -m trainers.plot" in card
    assert "python -m trainers.evaluate" in card
