import json

import pytest

from builder.errors import InputError
from builder.release.paper import TABLE_1
from trainers.study.published import ABLATION, ACCURACY, BENCHMARKS, LOGPROBS, QWEN
from trainers.study.tables import main


def write(path, name, content):
    path.mkdir()
    (path / name).write_text(json.dumps(content))
    return str(path)


def release(path):
    means = {"expert_sum": -100.5, "kept_sum": -20.25, "expert_per_token": -1.25, "kept_per_token": -0.5}
    stages = {"self_alignment": 6, "guided_alignment": 3, "fallback": 1, "all": 10}
    summary = {"stages": stages, "logprobs": {"self_alignment": means, "all": means}}
    return write(path, "manifest.json", {"summary": summary, "target": {"model": QWEN}})


def evaluation(path, training=None, names=BENCHMARKS, name=QWEN, drift=None, **sampling):
    passed = {"pass_at": {"1": 0.5, "2": 0.75}, "pass_at_stderr": {"1": 0.01, "2": 0.02}}
    figures = {"accuracy": 0.5, "stderr": 0.01, "problems": 40, "problems_in_paper": 40, "problems_in_benchmark": 40}
    figures |= passed
    settings = {"sampling": {"candidates": 16, "temperature": 1.0, "top_p": 1.0, "max_tokens": 4096, **sampling}}
    content = {
        "evaluation_format": 2,
        "model": {"name": name, "training": training},
        "benchmarks": dict.fromkeys(names, figures),
        "average": {"accuracy": 0.25, "stderr": 0.005, **passed},
        "settings": settings,
        **({"drift": drift} if drift else {}),
    }
    return write(path, "results.json", content)


def tables(capsys, *paths):
    assert main(list(paths)) == 0
    return capsys.readouterr().out


def test_the_papers_averages_are_unweighted_over_its_benchmarks():
    for rows in (*ACCURACY.values(), *ABLATION.values()):
        for *values, average in rows.values():
            assert sum(values) / len(values) == pytest.approx(average, abs=0.01)


def test_the_papers_tables_agree_with_each_other():
    assert ABLATION[QWEN]["dft", "expert"] == ACCURACY[QWEN]["DFT"]
    assert ABLATION[QWEN]["dft", "full"] == ACCURACY[QWEN]["DR + DFT"]
    assert LOGPROBS.keys() == ACCURACY.keys() == TABLE_1.keys()


def test_releases_fill_tables_1_and_3(tmp_path, capsys):
    shown = tables(capsys, release(tmp_path / "demo"))
    assert "| Qwen/Qwen2.5-Math-7B, paper | 28,752 (59.9%) | 11,620 (24.2%) | 7,634 (15.9%) | 48,006 |" in shown
    assert "| Qwen/Qwen2.5-Math-7B, demo | 6 (60.0%) | 3 (30.0%) | 1 (10.0%) | 10 |" in shown
    assert "| Qwen/Qwen2.5-Math-7B, paper, self_alignment | -184.440 | -83.360 | – | – |" in shown
    assert "| Qwen/Qwen2.5-Math-7B, paper, fallback | -296.030 | – | – | – |" in shown
    assert "| Qwen/Qwen2.5-Math-7B, demo, self_alignment | -100.500 | -20.250 | -1.250 | -0.500 |" in shown


def test_evaluations_stand_beside_the_paper(tmp_path, capsys):
    trained = {"loss": "dft", "data": "full", "model": QWEN}
    shown = tables(
        capsys, evaluation(tmp_path / "raw"), evaluation(tmp_path / "rewritten", trained, name="runs/dft", candidates=4)
    ).splitlines()
    ours = "| rewritten | 50.00 ± 1.00".replace("| rewritten", "| DR + DFT, rewritten")
    (row,) = [i for i, line in enumerate(shown) if line.startswith(ours)]
    assert shown[row].endswith("| 25.00 ± 0.50 |")
    assert shown[row - 1] == "| DR + DFT, paper | 70.40 | 34.85 | 36.12 | 14.58 | 54.22 | 42.03 |"
    (row,) = [i for i, line in enumerate(shown) if line.startswith("| base, raw | 50.00")]
    assert shown[row - 1].startswith("| base, paper | 39.90 |")
    assert "- rewritten: 4 samples" in shown
    assert not any(line.startswith("- raw") for line in shown)


def test_departures_from_the_papers_setting_are_said_once(tmp_path, capsys):
    runs = [evaluation(tmp_path / name, candidates=2, max_tokens=96) for name in ("one", "two")]
    assert "- one, two: 2 samples, 96 tokens at most" in tables(capsys, *runs)


def test_an_average_over_some_benchmarks_is_not_shown(tmp_path, capsys):
    shown = tables(capsys, evaluation(tmp_path / "small", names=BENCHMARKS[:1], name="my/model"))
    assert "### my/model" in shown
    assert "| base, small | 50.00 ± 1.00 | – | – | – | – | – |" in shown


def test_benchmarks_of_the_users_own_have_columns_of_their_own(tmp_path, capsys):
    trained = {"loss": "dft", "data": "full", "model": QWEN}
    shown = tables(
        capsys,
        evaluation(tmp_path / "mine", trained, names=("exam",), name="runs/dft"),
        evaluation(tmp_path / "base", names=("exam",), name="my/model"),
    )
    assert "| DR + DFT, paper | 70.40 | 34.85 | 36.12 | 14.58 | 54.22 | – | 42.03 |" in shown
    assert "| DR + DFT, mine | – | – | – | – | – | 50.00 ± 1.00 | – |" in shown
    assert "| method | exam |" in shown  # of a model that the paper does not know; one benchmark needs no average
    assert "| base, base | 50.00 ± 1.00 |" in shown
    assert "| dft on D′, mine | – | – | – | – | – | 50.00 ± 1.00 | – |" in shown


def test_the_ablation_orders_data_within_a_loss(tmp_path, capsys):
    runs = [
        evaluation(tmp_path / f"{loss}-{data}", {"loss": loss, "data": data, "model": QWEN})
        for loss in ("dft", "sft")
        for data in ("full", "expert", "self_alignment", "self_and_expert")
    ]
    shown = tables(capsys, *runs).partition("## Table 4")[2]
    rows = [line.split("|")[1].strip() for line in shown.splitlines() if line.startswith(("| dft", "| sft"))]
    assert rows == [
        "dft on D, paper", "dft on D, dft-expert",
        "dft on self-alignment, else D, paper", "dft on self-alignment, else D, dft-self_and_expert",
        "dft on D′, paper", "dft on D′, dft-full", "dft on self-alignment only, dft-self_alignment",
        "sft on D, sft-expert", "sft on self-alignment, else D, sft-self_and_expert",
        "sft on self-alignment only, sft-self_alignment", "sft on D′, sft-full",
    ]  # fmt: skip
    assert "| dft on self-alignment, else D, paper | 67.86 | 32.35 | 32.79 | 10.19 | 50.94 | 38.83 |" in shown


def test_pass_at_k_and_drift_stand_below_the_papers_tables(tmp_path, capsys):
    figure, far = {"per_token": 0.125, "stderr": 0.01}, {"per_token": 1.5, "stderr": None}
    moved = {"kl_checkpoint_base": figure, "kl_base_checkpoint": far}
    drift = {
        "base": {"name": "base", "revision": "local-0123456789abcdef"},
        "prompts": {"exam": moved, "chat": moved},
        "average": moved,
    }
    trained = {"loss": "sft", "data": "expert", "model": QWEN}
    shown = tables(
        capsys,
        evaluation(tmp_path / "a", trained, names=("exam", "quiz"), drift=drift),
        evaluation(tmp_path / "b", names=("exam",)),
    ).splitlines()
    assert "| method | k | exam | quiz | average |" in shown
    assert "| SFT, a | 2 | 75.00 ± 2.00 | 75.00 ± 2.00 | 75.00 ± 2.00 |" in shown
    assert "| base, b | 2 | 75.00 ± 2.00 | – | – |" in shown
    assert "| method | base | prompts | KL(checkpoint ‖ base) | KL(base ‖ checkpoint) |" in shown
    rows = [line for line in shown if line.startswith("| SFT, a | base (local-0123456789ab) |")]
    assert [row.split(" | ")[2] for row in rows] == ["exam", "chat", "average"]
    assert rows[0].endswith("| exam | 0.1250 ± 0.0100 | 1.5000 |")


def test_training_runs_show_where_they_began_and_ended(tmp_path, capsys):
    run = write(tmp_path / "dft", "run.json", {"loss": "dft", "data": "full", "rows": 1200})
    steps = [{"step": 1, "nll": 0.9}, {"step": 2, "nll": 0.7}, {"step": 2, "train_runtime": 3}]
    (tmp_path / "dft" / "steps.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    assert "| dft | dft | D′ | 1,200 | 2 | 0.9000 | 0.7000 |" in tables(capsys, run)


def test_what_is_not_known_is_named(tmp_path):
    with pytest.raises(InputError, match="is neither a release, an evaluation nor a training run"):
        main([str(tmp_path)])
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(InputError, match=r"results\.json is damaged, or not of this tool"):
        main([str(tmp_path)])
