"""The controlled study's problems, and what is made of its measurements."""

import json
import operator

import numpy as np
import polars as pl
import pytest

from builder.texts.answers import find_answer
from builder.texts.false_steps import false_steps
from trainers.study.controlled.plan import CORE, RATES, TESTS, Policy, best_rate, comparison, preparation
from trainers.study.controlled.problems import FAMILIES, problems
from trainers.study.controlled.styles import FOREIGN, house
from trainers.study.controlled.tables import difference, read, report, verdict
from trainers.study.controlled.write import OF_D, OTHERS, files

OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def test_every_style_has_the_very_same_steps_and_the_right_answer_in_a_box():
    made = problems(80, list(FAMILIES), "x") + problems(20, list(FAMILIES), "y", retold=True)
    for problem in made:
        assert all(OPERATORS[s.operator](s.left, s.right) == s.result for s in problem.steps)
        for style in (house, *FOREIGN):
            text = style(problem)
            assert not false_steps(text)
            assert find_answer(text, problem.text).form == "boxed"
            assert text.count(f"\\boxed{{{problem.answer}}}") == 1
            assert all(str(step.result) in text for step in problem.steps)


def test_no_problem_of_a_test_was_seen_in_training_and_every_family_has_its_share():
    content = files(0, "foreign")
    texts = {name: [row["problem"] for row in rows] for name, rows in content.items()}
    every = [text for found in texts.values() for text in found]
    assert len(set(every)) == len(every)
    assert (len(texts["warm-up"]), len(texts["d"]), len(texts["dev"]), len(texts["in"])) == (480, 240, 60, 50)
    told = {name: [t.split("{")[0] for f in names for t in FAMILIES[f].told] for name, names in
            (("d", OF_D), ("retain", OTHERS))}  # fmt: skip
    assert told["d"] != told["retain"]
    solutions = {row["solution"].split()[0] for row in content["d"]}
    assert len(solutions) >= 5  # of eight styles
    assert {row["solution"].split()[0] for row in files(0, "one-style")["d"]} == {"Let"}
    assert files(0, "foreign") == content
    assert files(1, "foreign")["d"] != content["d"]


def evaluation(folder, name, accuracies, problems=12, samples=4, tests=TESTS):
    path = folder / "evaluations" / name
    path.mkdir(parents=True)
    rows = [
        {"benchmark": test, "id": f"{n}", "verdict": "correct" if s < accuracy * samples else "incorrect"}
        for test, accuracy in zip(tests, accuracies, strict=True)
        for n in range(problems)
        for s in range(samples)
    ]
    pl.DataFrame(rows).write_parquet(path / "samples.parquet")
    average = {"accuracy": float(np.mean(accuracies)), "pass_at": {"4": 1.0}}
    (path / "results.json").write_text(json.dumps({"average": average}))


def policy_with(tmp_path, d, d_prime, self_share=0.6, gap=1.0):
    folder = tmp_path / "pi-0"
    (folder / "d-prime").mkdir(parents=True)
    stages = {"self_alignment": int(100 * self_share), "guided_alignment": 20, "fallback": 10, "all": 100}
    means = {"expert_per_token": -2.0, "kept_per_token": gap - 2.0, "expert_excess": 1.0, "kept_excess": 0.1}
    manifest = {"summary": {"stages": stages, "logprobs": {"all": means}}}
    (folder / "d-prime" / "manifest.json").write_text(json.dumps(manifest))
    for arm, accuracies in (("sft-d", d), ("sft-d-prime", d_prime)):
        for seed in range(3):
            for when in ("first", "last"):
                evaluation(folder, f"{arm}-2e-5-{seed}-{when}-tests", accuracies)
    return folder


def test_the_primary_measure_is_the_mean_of_in_and_transfer(tmp_path):
    one = read(policy_with(tmp_path, (0.25, 0.25, 0.25, 1.0), (0.75, 0.25, 0.5, 0.0)))
    value, low, high = difference([one], "sft-d", "sft-d-prime", "last")
    assert value == pytest.approx((0.75 / 2 + 0.375 / 2) - 0.25)
    assert low <= value <= high
    text = "\n".join(report([one]))
    assert "SFT on D′ minus SFT on D, primary measure, after the first epoch: +31.2" in text
    assert "| pi-0 | sft-d-prime | last | 3 | 75.0 | 25.0 | 50.0 | 0.0 | 56.2 | 100.0 | – | – |" in text


@pytest.mark.parametrize(
    ("setting", "interval", "said"),
    [
        ({}, (0.01, 0.2), "supports"),
        ({}, (-0.2, 0.01), "refutes"),
        ({}, (-0.01, 0.1), "undecided"),
        ({"self_share": 0.9}, (0.01, 0.2), "not to be interpreted"),
        ({"gap": 0.4}, (0.01, 0.2), "not to be interpreted"),
    ],
)
def test_the_verdict_follows_the_rule_that_was_fixed_beforehand(tmp_path, setting, interval, said):
    one = read(policy_with(tmp_path, (0.5,) * 4, (0.5,) * 4, **setting))
    assert verdict([one], *interval).startswith(said)


def test_every_arm_runs_at_the_rate_that_was_best_in_development(tmp_path):
    policy = Policy(tmp_path, 0, "foreign", "transformers")
    for arm, best in zip(CORE, ("1e-5", "5e-5"), strict=True):
        for rate in RATES:
            name = f"{policy.run(arm, rate, 0).name}-dev"
            evaluation(tmp_path, name, (0.75 if rate == best else 0.5,), tests=("dev",))
        assert best_rate(policy, arm) == best
    commands = [" ".join(stage.command) for stage in comparison(policy, CORE) if stage.name.startswith("train ")]
    assert len(commands) == 2 * 3  # the first seed: one epoch; its three are of the search
    assert all(("--learning-rate 1e-5" in c) == ("--data expert" in c) for c in commands)
    trained = {s.leaves for s in (*preparation(policy, CORE), *comparison(policy, CORE)) if s.name.startswith("train ")}
    evaluated = [" ".join(stage.command) for stage in comparison(policy, CORE) if stage.name.endswith("-last")]
    assert len(evaluated) == 2 * 3
    assert all(any(f"--model {run.parent} " in command for run in trained) for command in evaluated)
