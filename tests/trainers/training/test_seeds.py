"""Several runs of one command that differ in their seed alone."""

import json

import pytest

from builder.errors import InputError
from tests.trainers.test_train import command, curve
from trainers.arguments import Settings
from trainers.train import main
from trainers.training.guards import check_settings
from trainers.training.seeds import final, one_each, table

SETTINGS = Settings(loss="sft", dataset="d", output="runs/x", seeds=[0, 7])


def test_every_seed_has_a_directory_of_its_own():
    runs = one_each(SETTINGS, {}, ["--bf16"])
    assert [(str(one.output), words) for one, words in runs] == [
        ("runs/x/seed-0", ["--bf16", "--seed", "0"]),
        ("runs/x/seed-7", ["--bf16", "--seed", "7"]),
    ]
    assert one_each(SETTINGS.model_copy(update={"seeds": None}), {}, ["--bf16"])[0][1] == ["--bf16"]


@pytest.mark.parametrize(
    ("config", "rest", "message"),
    [
        ({}, ["--seed", "3"], "--seed is for one run"),
        ({"seed": 3}, [], "--seed is for one run"),
        ({}, ["--push-to-hub"], "--push-to-hub is for one run"),
    ],
)
def test_what_is_for_one_run_is_refused(config, rest, message):
    with pytest.raises(InputError, match=message):
        one_each(SETTINGS, config, rest)


def test_a_directory_that_is_a_run_holds_no_others(tmp_path):
    (tmp_path / "run.json").touch()
    with pytest.raises(InputError, match="holds a run already: choose another --output for those of --seeds"):
        one_each(SETTINGS.model_copy(update={"output": tmp_path}), {}, [])
    with pytest.raises(InputError, match="--seeds names one twice"):
        check_settings(Settings(loss="sft", dataset="d", output="o", seeds=[1, 1]))


def test_the_table_has_mean_and_standard_deviation():
    runs = {
        f"seed-{n}": [{"step": 1, "nll": 9.0}, {"step": 2, "nll": n}, {"step": 2, "eval_nll": 2 * n}] for n in (1, 3)
    }
    assert table(runs).splitlines() == [
        "| run | nll | held-out nll |",
        "| --- | ---: | ---: |",
        "| seed-1 | 1.0000 | 2.0000 |",
        "| seed-3 | 3.0000 | 6.0000 |",
        "| mean ± sd | 2.0000 ± 1.4142 | 4.0000 ± 2.8284 |",
    ]


def test_where_the_best_checkpoint_is_kept_its_figures_count():
    lines = [{"step": n, "eval_nll": n / 10} for n in (2, 4, 6)] + [{"step": 6, "best_step": 4}]
    assert final(lines, "eval_nll") == 0.4
    assert final(lines[:-1], "eval_nll") == 0.6
    assert final(lines, "loss") is None


@pytest.mark.slow
def test_seeds_are_runs_of_their_own_and_a_table(release, tmp_path, capsys):
    arguments = command(release, tmp_path / "runs", "--max-steps", "1", "--save-strategy", "no")
    assert main([*arguments, "--seeds", "0", "1"], loss="dft") == 0
    said = capsys.readouterr().out
    one, other = (tmp_path / "runs" / f"seed-{seed}" for seed in (0, 1))
    assert [json.loads((run / "run.json").read_text())["arguments"]["seed"] for run in (one, other)] == [0, 1]
    assert curve(one)[0]["nll"] != curve(other)[0]["nll"]  # other rows
    assert (tmp_path / "runs" / "seeds.md").read_text() in said
    assert main([*arguments, "--output", str(tmp_path / "single"), "--seed", "1"], loss="dft") == 0
    assert curve(tmp_path / "single")[0]["grad_norm"] == pytest.approx(curve(other)[0]["grad_norm"], rel=1e-6)
