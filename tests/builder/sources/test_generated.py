import re
import sys

import pytest

from builder.config import SourceSpec
from builder.errors import InputError
from builder.sources.arithmetic import arithmetic
from tests.builder.sources.loaded import load_all


def test_arithmetic_is_correct():
    for row in arithmetic(0):
        numbers = [int(n) for n in re.findall(r"\d+", row["problem"])]
        total = sum(numbers)
        assert int(row["answer"]) in (total, numbers[0] - numbers[1])
        assert int(row["answer"]) >= 0
        assert row["solution"].endswith(rf"\boxed{{{row['answer']}}}.")
        for left, sign, right, result in re.findall(r"(\d+) ([+-]) (\d+) = (\d+)", row["solution"]):
            assert int(result) == (int(left) + int(right) if sign == "+" else int(left) - int(right))


def test_arithmetic_is_varied():
    problems = [row["problem"] for row in arithmetic(0)]
    assert len({" ".join(p.split()).casefold() for p in problems}) == 1000
    shapes = {re.sub(r"\d+|\b[A-Z][a-z]+\b|\b\w+s\b", "_", p) for p in problems}
    assert len(shapes) >= 16
    word_problems = sum("?" in p and "What is" not in p for p in problems)
    assert 400 < word_problems < 600


@pytest.mark.parametrize("name", ["arithmetic", "gsm-symbolic"])
def test_the_seed_decides(name):
    def rows(seed):
        return load_all([SourceSpec(name=name)], 20, seed).rows

    assert rows(1) == rows(1)
    assert {row.problem for row in rows(1)}.isdisjoint(row.problem for row in rows(2))
    assert load_all([SourceSpec(name=name)], 20, 1).provenance[0]["revision"].endswith("seed 1")


def test_gsm_symbolic_has_golds_and_worked_solutions():
    loaded = load_all([SourceSpec(name="gsm-symbolic")], None, 0)
    assert len(loaded.rows) + len(loaded.rejected) == 1000
    assert {row.reason for row in loaded.rejected} <= {"duplicate"}
    for row in loaded.rows:
        assert float(row.gold) == float(row.expert_solution.rpartition("####")[2].replace(",", ""))


def test_gsm_symbolic_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(InputError, match=re.escape("pip install -e '.[synthetic]'")):
        load_all([SourceSpec(name="gsm-symbolic")], None, 0)
