import numpy as np
import pytest

from builder.errors import InputError
from builder.machine.atomic import Replacement
from trainers.evaluation.comparison import RESAMPLES, compare, other_settings
from trainers.evaluation.results import open_run, write_run

SETTINGS = {"sampling": {"candidates": 4, "temperature": 1.0}, "seed": 0, "prompt_hash": "p"}


def run(path, right, fingerprint="f", samples=4, **changed):
    """An evaluation in which problem i has `right[benchmark][i]` right samples; rows come in any order."""
    rows = [
        {
            "benchmark": benchmark, "id": str(i), "index": index, "problem": "p", "gold": "1", "text": "",
            "answer": None, "verdict": "correct" if index < count else "incorrect", "answer_class": 0,
            "finish_reason": "stop", "tokens": 1, "logprob": 0.0,
        }
        for benchmark, counts in right.items()
        for i, count in enumerate(counts)
        for index in range(samples)
    ]  # fmt: skip
    results = {
        "model": {"name": "m", "revision": "r"},
        "settings": {**SETTINGS, **changed},
        "verifier": "v",
        "engine": "e",
        "benchmarks": {name: {"fingerprint": fingerprint, "problems": len(counts)} for name, counts in right.items()},
    }
    np.random.default_rng(len(rows)).shuffle(rows)
    write_run(Replacement(path, path.with_name("scratch")), results, rows)
    return open_run(path)


def test_a_constant_gain_has_no_spread(tmp_path):
    a, b = run(tmp_path / "a", {"x": [0, 1, 2, 3]}), run(tmp_path / "b", {"x": [1, 2, 3, 4]})
    (found,) = compare(a, b)
    assert (found.before, found.after, found.difference) == (0.375, 0.625, 0.25)
    assert (found.low, found.high) == (0.25, 0.25)
    assert found.p_value == pytest.approx(2 / (RESAMPLES + 1))


def test_the_same_run_twice_does_not_differ(tmp_path):
    a, b = (run(tmp_path / name, {"x": [0, 1, 2, 3]}) for name in "ab")
    (found,) = compare(a, b)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_the_interval_is_that_of_the_normal_approximation(tmp_path):
    rng = np.random.default_rng(3)
    before, after = rng.integers(0, 5, 400), rng.integers(0, 5, 400)
    a, b = run(tmp_path / "a", {"x": before.tolist()}), run(tmp_path / "b", {"x": after.tolist()})
    (found,) = compare(a, b)
    gains = (after - before) / 4
    half = 1.96 * gains.std(ddof=1) / np.sqrt(400)
    assert (found.low, found.high) == pytest.approx((gains.mean() - half, gains.mean() + half), abs=0.05 * half)
    assert compare(a, b) == [found]
    assert compare(a, b, seed=1) != [found]


def test_pairing_removes_what_both_runs_share(tmp_path):
    before = [0, 4] * 50
    after = [*before[:-2], 1, 3]  # one up, one down, the rest alike
    a, b = run(tmp_path / "a", {"x": before}), run(tmp_path / "b", {"x": after})
    (found,) = compare(a, b)
    assert found.high - found.low < 0.02  # unpaired, it would be about 0.28


def test_the_average_counts_benchmarks_alike(tmp_path):
    a = run(tmp_path / "a", {"x": [0] * 30, "y": [0, 0]})
    b = run(tmp_path / "b", {"x": [0] * 30, "y": [4, 4]})
    found = {d.name: d for d in compare(a, b)}
    assert (found["x"].difference, found["y"].difference, found["average"].difference) == (0, 1, 0.5)
    assert found["average"].problems == 32


def test_other_problems_are_refused(tmp_path):
    a = run(tmp_path / "a", {"x": [0, 1]})
    with pytest.raises(InputError, match="asked different problems of x"):
        compare(a, run(tmp_path / "b", {"x": [0, 1]}, fingerprint="g"))
    with pytest.raises(InputError, match="the benchmarks are x and x, y"):
        compare(a, run(tmp_path / "c", {"x": [0, 1], "y": [1]}))


def test_other_settings_are_named(tmp_path):
    a = run(tmp_path / "a", {"x": [0, 1]})
    b = run(tmp_path / "b", {"x": [0, 1]}, sampling={"candidates": 4, "temperature": 0.6})
    assert other_settings(a, b) == ["temperature: 1.0 in A, 0.6 in B"]
    assert other_settings(a, a) == []


def test_what_is_no_evaluation_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no finished evaluation"):
        open_run(tmp_path / "nowhere")
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(InputError, match="is not the result of an evaluation"):
        open_run(tmp_path)
