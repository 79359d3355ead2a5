import json

import pytest

from builder.errors import InputError
from builder.sources.arithmetic import arithmetic
from trainers.evaluation.benchmarks import load, specs
from trainers.study.held_out import held_out, main


def test_no_held_out_problem_is_one_of_the_training_seed():
    rows = held_out(300, seed=1, training_seed=0)
    assert len({row["problem"] for row in rows}) == 300
    assert not {row["problem"] for row in rows} & {row["problem"] for row in arithmetic(0)}
    with pytest.raises(InputError, match="has 0 that seed 0 has not"):
        held_out(1, seed=0, training_seed=0)


def test_the_file_is_a_benchmark(tmp_path):
    file = tmp_path / "held-out.jsonl"
    assert main(["--problems", "7", "--output", str(file)]) == 0
    benchmark = load(*specs([str(file)], None, {}))
    assert [problem.gold.stated for problem in benchmark.problems] == [
        json.loads(line)["answer"] for line in file.read_text().splitlines()
    ]
    assert len(benchmark.problems) == 7
