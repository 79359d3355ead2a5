from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from builder.errors import InputError
from builder.machine.atomic import Replacement
from trainers.evaluation.bootstrap import RESAMPLES
from trainers.evaluation.comparison import compare, compare_all, other_settings, print_comparison
from trainers.evaluation.drift_comparison import compare_drift, drift_note
from trainers.evaluation.metrics import pass_at_k
from trainers.evaluation.results import open_run, write_run

SETTINGS = {"sampling": {"candidates": 4, "temperature": 1.0}, "seed": 0, "prompt_hash": "p"}


def run(path, right, fingerprint="f", samples=4, drift=None, **changed):
    """An evaluation in which problem i has `right[benchmark][i]` right samples; rows come in any order.

    Args:
        drift: `results.json`'s, and rows of `drift.parquet`.
    """
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
    drifted, drift_rows = drift or ({}, None)
    write_run(Replacement(path, path.with_name("scratch")), results | drifted, rows, drift_rows)
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


def test_pass_at_k_is_compared_problem_by_problem(tmp_path):
    before, after = [0, 1, 4], [2, 2, 2]
    a, b = run(tmp_path / "a", {"x": before}), run(tmp_path / "b", {"x": after})
    found = compare_all(a, b)
    assert [d.metric for d in found] == ["accuracy", "pass@2", "pass@4"]
    means = [np.mean([pass_at_k(4, count, 2) for count in side]) for side in (before, after)]
    assert (found[1].before, found[1].after) == pytest.approx(means)
    # Sharper, the second run solves problems less surely and more of them: pass@1 and pass@4 disagree.
    assert (found[0].difference, found[2].difference) == pytest.approx((1 / 12, 1 / 3))


def test_pass_at_k_stops_at_the_samples_that_both_have(tmp_path):
    few = {"candidates": 2, "temperature": 1.0}
    a, b = run(tmp_path / "a", {"x": [1, 2]}), run(tmp_path / "b", {"x": [1, 2]}, samples=2, sampling=few)
    assert [d.metric for d in compare_all(a, b)] == ["accuracy", "pass@2"]


def drift(moved, base="r", prompts="f"):
    """The drift of a checkpoint whose samples of prompt i, of i + 1 tokens, are `moved[i]` nats from the base."""
    rows = [
        {
            "prompts": "p", "id": str(i), "index": index, "drawn_by": drawn_by, "text": "", "finish_reason": "stop",
            "tokens": i + 1, "checkpoint_logprob": -1.0,
            "base_logprob": -1.0 - by if drawn_by == "checkpoint" else -3.0,
        }
        for i, by in enumerate(moved)
        for index in range(2)
        for drawn_by in ("checkpoint", "base")
    ]  # fmt: skip
    results = {
        "base": {"name": "b", "revision": base},
        "prompts": {"p": {"fingerprint": prompts}},
        "settings": {"sampling": {"candidates": 2}},
    }
    return {"drift": results}, rows


def test_drift_is_compared_by_ratios_of_sums_over_the_same_prompts(tmp_path):
    a = run(tmp_path / "a", {"x": [0, 1]}, drift=drift([1.0, 2.0, 3.0]))
    b = run(tmp_path / "b", {"x": [0, 1]}, drift=drift([3.0, 6.0, 9.0]))
    forward, reverse = compare_drift(a, b)
    assert (forward.metric, reverse.metric) == ("kl_checkpoint_base", "kl_base_checkpoint")
    # One and three nats a token, whichever prompts are drawn.
    assert (forward.before, forward.after, forward.low, forward.high) == pytest.approx((1, 3, 2, 2))
    assert (reverse.before, reverse.difference) == pytest.approx((-2 * 3 / 6, 0))
    assert drift_note(a, b) == []
    out = StringIO()
    print_comparison(Console(file=out, width=130), a, b, compare_all(a, b))
    shown = out.getvalue()
    assert "Drift from b at r in nats a token, paired bootstrap over problems" in shown
    (line,) = [line for line in shown.splitlines() if line.startswith("KL(checkpoint ‖ base)")]
    assert line.split()[3:] == ["p", "3", "1.0000", "3.0000", "+2.0000", "+2.0000", "to", "+2.0000", "0.0002"]
    (line,) = [line for line in shown.splitlines() if line.startswith("pass@4")]
    assert line.split()[:6] == ["pass@4", "x", "2", "50.00", "50.00", "+0.00"]


def test_drifts_that_say_different_things_are_named_and_not_compared(tmp_path):
    a = run(tmp_path / "a", {"x": [0, 1]}, drift=drift([1.0, 2.0]))
    bare = run(tmp_path / "b", {"x": [0, 1]})
    other = run(tmp_path / "c", {"x": [0, 1]}, drift=drift([1.0, 2.0], base="s", prompts="g"))
    assert compare_drift(a, bare) == compare_drift(a, other) == compare_drift(bare, bare) == []
    assert drift_note(a, bare) == ["only A has a drift; --drift measures that of the other"]
    assert drift_note(a, other) == ["drifts are not comparable, they were measured by another base and set of prompts"]
    assert drift_note(bare, bare) == []


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
