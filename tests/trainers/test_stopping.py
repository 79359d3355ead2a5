"""The best checkpoint by held-out rows, and a stop where it does not become better."""

import json
import shutil

import pytest
from safetensors.torch import load_file

from builder.errors import InputError
from tests.trainers.test_arguments import parsed
from tests.trainers.test_train import assert_same_curve, command, curve
from trainers.train import main
from trainers.training.runlog import read_steps
from trainers.training.training_arguments import decisive

HELD_OUT = ("--held-out", "4")
STOPPING = (
    *HELD_OUT,
    "--early-stopping",
    "2",
    "--eval-strategy",
    "steps",
    "--eval-steps",
    "2",
    "--save-total-limit",
    "9",
)


@pytest.fixture(scope="module")
def stopped(release, tmp_path_factory):
    """A run with a learning rate that spoils the model after a while; 30 epochs would be 90 steps."""
    output = tmp_path_factory.mktemp("stopped") / "run"
    more = ("--num-train-epochs", "30", "--learning-rate", "2e-1", "--lr-scheduler-type", "constant")
    assert main([*command(release, output, *STOPPING), *more, "--save-steps", "2"], loss="sft") == 0
    return output, more


@pytest.mark.slow
def test_a_run_stops_where_held_out_rows_get_no_better_and_keeps_its_best(stopped):
    output, _ = stopped
    lines = read_steps(output / "steps.jsonl")
    measured = {line["step"]: line["eval_loss"] for line in lines if "eval_loss" in line and line["step"]}
    best, last = min(measured, key=measured.get), max(measured)
    assert last < 90
    assert last - best == 2 * 2  # two evaluations, two steps apart
    assert lines[-1] == {"step": last, "best_step": best}
    kept, there = load_file(output / "model.safetensors"), load_file(output / f"checkpoint-{best}/model.safetensors")
    assert all((kept[name] == there[name]).all() for name in kept)
    assert f"; kept is the model of step {best}, the best on held-out rows" in (output / "README.md").read_text()


@pytest.mark.slow
def test_a_continued_run_remembers_how_often_it_was_no_better(stopped, release, tmp_path, capsys):
    output, more = stopped
    copied = tmp_path / "run"
    shutil.copytree(output, copied)
    last = max(line["step"] for line in curve(output))
    shutil.rmtree(copied / f"checkpoint-{last}")
    arguments = [*command(release, copied, *STOPPING), *more, "--save-steps", "2", "--resume"]
    assert main(arguments, loss="sft") == 0
    assert f"kept: step {last - 4} of {last}, with the best loss" in capsys.readouterr().out
    assert_same_curve(curve(copied), curve(output), rel=1e-4)
    assert json.loads((copied / "run.json").read_text())["early_stopping"] == 2
    with pytest.raises(InputError, match="early_stopping: was 2, is now 3"):
        main([*arguments, "--early-stopping", "3"], loss="sft")


def test_checkpoints_are_saved_where_the_best_one_may_be():
    _, args = parsed(*HELD_OUT, "--early-stopping", "3")
    assert (args.eval_strategy, args.save_strategy, args.load_best_model_at_end) == ("epoch", "epoch", True)
    assert (args.metric_for_best_model, args.greater_is_better) == ("loss", False)
    _, args = parsed(*HELD_OUT, "--load-best-model-at-end", "true", "--eval-strategy", "steps", "--eval-steps", "7")
    assert (args.save_strategy, args.save_steps) == ("steps", 7)
    assert decisive(args)["eval_steps"] == 7
    _, args = parsed(*HELD_OUT, "--eval-strategy", "steps", "--eval-steps", "7")
    assert (args.save_strategy, args.save_steps) == ("steps", 0.1)
    assert "eval_steps" not in decisive(args)


@pytest.mark.parametrize(("metric", "more_is_better"), [("nll", False), ("eval_nll", False), ("probability", True)])
def test_the_best_may_be_another_figure(metric, more_is_better):
    _, args = parsed(*HELD_OUT, "--early-stopping", "3", "--metric-for-best-model", metric)
    assert args.greater_is_better == more_is_better


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--load-best-model-at-end", "true"], "--load-best-model-at-end has no effect here without rows to evaluate"),
        (
            [*HELD_OUT, "--early-stopping", "2", "--metric-for-best-model", "accuracy"],
            "there is no 'accuracy' to choose",
        ),
        ([*HELD_OUT, "--early-stopping", "2", "--load-best-model-at-end", "false"], "keeps the best model: leave"),
        ([*HELD_OUT, "--early-stopping", "2", "--save-strategy", "no"], "requires the save and eval strategy to match"),
    ],
)
def test_what_cannot_be_stopped_or_chosen_by_is_said(given, message):
    with pytest.raises(InputError, match=message):
        parsed(*given)
