"""What a run is told to be before it begins, and what a tracker is told of it."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from tests.trainers.test_train import command
from tests.trainers.training.test_guards import rows
from trainers.data.batches import shuffled_steps
from trainers.train import main
from trainers.training.estimate import Measured, Plan, estimate, planned, rehearsal_rows


def prepared(lengths, batch_size):
    return SimpleNamespace(rows=rows(*lengths), settings=SimpleNamespace(batch_size=batch_size))


def args(**changes):
    return SimpleNamespace(**{"max_steps": -1, "num_train_epochs": 2.0, "seed": 1, "data_seed": None} | changes)


def test_whole_epochs_see_every_row():
    plan = planned(prepared([(3, 4)] * 5, 2), args())
    assert plan == Plan(6, 2, 2.0, 2 * 35, 2 * 20)
    assert str(plan) == "steps: 6 of 2 rows, 2 epochs, 70 tokens, 40 of them completion"


def test_a_part_of_an_epoch_sees_the_rows_of_its_first_steps():
    lengths = [(1, 10**n) for n in range(5)]
    plan = planned(prepared(lengths, 2), args(max_steps=4))
    seen = shuffled_steps(5, 2, seed=1, epoch=1)[0]
    assert plan.completion_tokens == 11111 + sum(10**row for row in seen)
    assert plan.epochs == pytest.approx(4 / 3)


def test_an_epoch_of_a_mixture_is_what_it_takes():
    run = prepared([(1, 2)] * 6 + [(1, 5)] * 2, 4)
    run.rows.origins[6:], run.rows.shares = 1, (0.5, 0.5)
    assert planned(run, args()) == Plan(2, 4, 2.0, 2 * (2 * 3 + 2 * 6), 2 * (2 * 2 + 2 * 5))


def test_the_longest_rows_are_rehearsed_first():
    chosen = rehearsal_rows(rows(*[(1, n) for n in range(1, 41)]), 4, seed=3)
    steps = [sorted(chosen.completion_lengths[step].tolist()) for step in shuffled_steps(len(chosen), 4, 3, 0)]
    assert steps == [[37, 38, 39, 40], [7, 8, 9, 10], [27, 28, 29, 30]]
    assert sorted(rehearsal_rows(rows((1, 2), (1, 3)), 4, seed=0).completion_lengths) == [2] * 6 + [3] * 6


def test_an_estimate_is_the_tokens_over_the_rate():
    said = estimate(Plan(10, 4, 1.0, 7_200_000, 1), Measured(1000.0, 1.5), runs=2)
    assert (
        said
        == "1,000 tokens/s, at most 1.50 GiB a process: about 4 h 00 min for 2 runs, without evaluations and saving"
    )


@pytest.mark.slow
def test_a_dry_run_says_what_a_run_would_be_and_leaves_nothing(release, tmp_path, capsys):
    assert main(command(release, tmp_path / "run", "--dry-run", "--held-out", "2", "--lora"), loss="dft") == 0
    said = capsys.readouterr().out
    assert "steps: 6 of 6 rows, 2 epochs, " in said
    assert "tokens/s, at most " in said
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_tracker_receives_loss_data_options_and_figures(release, tmp_path, monkeypatch):
    told, logged = {}, []
    tracker = ModuleType("trackio")
    tracker.init = lambda **_: None
    tracker.finish = lambda **_: None
    tracker.log = logged.append
    tracker.context_vars = SimpleNamespace(current_space_id=SimpleNamespace(get=lambda: None))
    tracker.config = type("Config", (dict,), {"update": lambda self, facts, **_: told.update(facts)})()
    monkeypatch.setitem(sys.modules, "trackio", tracker)
    monkeypatch.setattr("transformers.integrations.integration_utils.is_trackio_available", lambda: True)
    arguments = command(release, tmp_path / "run", "--clip", "3", "--max-steps", "1", "--report-to", "trackio")
    assert main(arguments, loss="importance_sampling") == 0
    assert (told["loss"], told["data"], told["dataset"]) == ("importance_sampling", "full", str(release))
    assert (told["options"]["clip"], told["rows"], told["learning_rate"]) == (3.0, 20, 1e-2)
    assert any("train/nll" in line and np.isfinite(line["train/effective_sample_size"]) for line in logged)
