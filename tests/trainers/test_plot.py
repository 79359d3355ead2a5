import json

import pytest

from builder.errors import InputError
from trainers.plot import labels, main, points, smoothed


@pytest.fixture
def runs(tmp_path):
    made = []
    for name, loss in (("one", "sft"), ("two", "dft"), ("three", "dft")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps({"loss": loss, "data": "full"}))
        lines = [{"step": n, "nll": 1 / n, "grad_norm": n} for n in range(1, 9)] + [{"step": 8, "eval_nll": 0.2}]
        (folder / "steps.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        made.append(folder)
    return made


def test_runs_are_told_apart(runs):
    assert labels(runs) == ["sft, full", "dft, full (two)", "dft, full (three)"]


def test_several_runs_are_drawn_into_one_picture(runs, tmp_path, capsys):
    picture = tmp_path / "out" / "curves.png"
    assert main([*map(str, runs), "--metrics", "nll", "grad_norm", "--output", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.strip() == str(picture)


def test_points_are_where_the_metric_was_logged():
    assert points([{"step": 1, "nll": 0.5}, {"step": 1, "eval_nll": 0.4}, {"step": 2, "nll": 0.3}], "nll") == (
        [1, 2],
        [0.5, 0.3],
    )


def test_smoothing_looks_back_only():
    assert smoothed([1.0, 3.0, 5.0, 7.0], 2) == [1.0, 2.0, 4.0, 6.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metrics", "accuracy", "--output", "x.png"], "no run has logged 'accuracy'"),
        (["--metrics", "nll", "--output", "x.nothing"], "--output x.nothing: "),
    ],
)
def test_what_cannot_be_drawn_is_said(runs, arguments, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        main([str(runs[0]), *arguments])


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(InputError, match="is no training run"):
        main([str(tmp_path), "--output", "x.png"])
