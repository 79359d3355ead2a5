"""What a trained model's card says of where it comes from."""

import json

import pytest
from huggingface_hub import ModelCard

from trainers.training.card import model_card, write_card


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


@pytest.fixture
def results():
    """What an evaluation on two benchmarks left."""

    def figures(accuracy, **provenance):
        return {"problems": 30, "accuracy": accuracy, "stderr": 0.0512, "truncated": 0.25, "provenance": provenance}

    found = {"aime24": figures(0.1, repo="HuggingFaceH4/aime_2024"), "quiz": figures(0.305, file="quiz.jsonl")}
    return {
        "benchmarks": found, "average": {"accuracy": 0.2025, "stderr": 0.0362, "truncated": 0.25},
        "settings": {"sampling": {"candidates": 16, "temperature": 1.0, "top_p": 1.0, "max_tokens": 4096}},
        "verifier": "math-verify 0.9.0", "tool": {"version": "0.1.0"},
    }  # fmt: skip


def test_an_evaluation_stands_in_the_text_and_for_the_hub(run, results):
    assert "Not evaluated yet: " in model_card("m", run, [])
    card = model_card("m", run, [], results)
    for line in ("| aime24 | 30 | 10.0 ± 5.1 | 25.0% |", "| average | 60 | 20.2 ± 3.6 | 25.0% |"):
        assert line in card
    assert "Samples a problem: 16, at temperature 1, top_p 1, at\nmost 4,096 tokens" in card
    found = {result.dataset_type: result.metric_value for result in ModelCard(card).data.eval_results}
    assert found == {"HuggingFaceH4/aime_2024": 10.0, "quiz.jsonl": 30.5}


def test_a_card_is_written_anew_under_its_own_name_with_its_curves(run, results, tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(run))
    write_card(tmp_path, "me/trained")
    before = (tmp_path / "README.md").read_text()
    assert "![Curves]" not in before
    (tmp_path / "curves.png").touch()
    write_card(tmp_path, results=results)
    after = (tmp_path / "README.md").read_text()
    assert "\n# me/trained\n" in before
    assert "\n# me/trained\n" in after
    assert "![Curves](curves.png)" in after
    assert "| quiz | 30 | 30.5 ± 5.1 | 25.0% |" in after
