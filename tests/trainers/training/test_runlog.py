import json
from types import SimpleNamespace

import pytest

from builder.errors import InputError
from trainers.training.runlog import RunLog, claim, last_checkpoint, read_steps

FACTS = {"loss": "dft", "rows": 3}


def test_a_resumed_run_forgets_what_it_computes_again(tmp_path):
    log, file = RunLog(tmp_path), tmp_path / "steps.jsonl"
    file.write_text("".join(json.dumps({"step": n, "nll": n / 10}) + "\n" for n in range(1, 6)) + '{"step": 6, "nl')
    log.on_train_begin(None, SimpleNamespace(is_world_process_zero=True, global_step=4), None)
    log.on_log(None, SimpleNamespace(is_world_process_zero=True, global_step=5), None, logs={"nll": 9.0})
    log.on_log(None, SimpleNamespace(is_world_process_zero=False, global_step=5), None, logs={"nll": 7.0})
    assert [(line["step"], line["nll"]) for line in read_steps(file)] == [
        (1, 0.1),
        (2, 0.2),
        (3, 0.3),
        (4, 0.4),
        (5, 9),
    ]


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    (tmp_path / "steps.jsonl").write_text('{"step": 1}\n{"ste\n{"step": 3}\n')
    with pytest.raises(InputError, match=r"steps\.jsonl, line 2: not JSON"):
        read_steps(tmp_path / "steps.jsonl")


def test_only_a_complete_checkpoint_counts(tmp_path):
    for step in (8, 20, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
    assert last_checkpoint(tmp_path) is None
    for step in (8, 20):
        RunLog(tmp_path).on_save(
            SimpleNamespace(output_dir=str(tmp_path)),
            SimpleNamespace(is_world_process_zero=True, global_step=step),
            None,
        )
    assert last_checkpoint(tmp_path).name == "checkpoint-20"


def test_a_run_is_neither_overwritten_nor_continued_as_another_one(tmp_path):
    output = tmp_path / "run"
    claim(output, FACTS, resume=False)
    claim(output, FACTS, resume=True)
    with pytest.raises(InputError, match="continue it with --resume"):
        claim(output, FACTS, resume=False)
    with pytest.raises(InputError, match="loss: was 'dft', is now 'sft'"):
        claim(output, FACTS | {"loss": "sft"}, resume=True)
    with pytest.raises(InputError, match=r"other data or settings:\n  arguments\.seed: was None, is now 1$"):
        claim(output, FACTS | {"arguments": {"seed": 1}}, resume=True)
    (output / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json is not what a trainer writes"):
        claim(output, FACTS, resume=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(InputError, match="exists and holds no run"):
        claim(tmp_path / "other", FACTS, resume=False)
