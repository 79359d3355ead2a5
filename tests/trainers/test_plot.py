import json

import pytest

from builder.errors import InputError
from trainers.plot import curves, main, points, smoothed, spread


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
    assert [curve.label for curve in curves(runs)] == ["sft, full", "dft, full (two)", "dft, full (three)"]


@pytest.fixture
def seeds(tmp_path):
    """Three runs of one command, and one of another learning rate; the nll of seed n is n at its first step."""
    for folder, rate, seed in (("a/seed-0", 1, 0), ("a/seed-1", 1, 1), ("a/seed-5", 1, 5), ("b", 2, 1)):
        run = tmp_path / folder
        run.mkdir(parents=True)
        facts = {"loss": "dft", "data": "full", "arguments": {"learning_rate": rate, "seed": seed}}
        (run / "run.json").write_text(json.dumps(facts))
        lines = [{"step": 1, "nll": seed}, {"step": 2, "nll": 0}, {"step": 2, "eval_nll": seed / 2}]
        (run / "steps.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def test_runs_that_differ_in_their_seed_alone_are_one_line(seeds):
    same, other = curves([seeds / "a", seeds / "b"])
    assert (same.label, other.label) == ("dft, full (a, 3 seeds)", "dft, full (b)")
    assert [run.name for run in same.runs] == ["seed-0", "seed-1", "seed-5"]
    assert curves([seeds / "a" / "seed-5", seeds / "a" / "seed-0"])[0].label == "dft, full (2 seeds)"


def test_the_spread_of_seeds_is_drawn(seeds, tmp_path):
    runs = [[{"step": 1, "nll": n}, {"step": 2, "nll": 3 * n}] + [{"step": 3, "nll": 0}] * (n == 4) for n in (0, 2, 4)]
    assert spread(runs, "nll", 1) == ([1, 2], [2, 6], [0, 0], [4, 12])
    assert spread(runs, "nll", 2) == ([1, 2], [2, 4], [0, 0], [4, 8])
    picture = tmp_path / "curves.svg"
    assert main([str(seeds / "a"), "--metrics", "nll", "--output", str(picture)]) == 0
    assert "FillBetweenPolyCollection" in picture.read_text()


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
