import pytest

from builder.release.paper import TABLE_1
from scripts.gpu_hours import candidates, gpu_hours, main

QWEN = TABLE_1["Qwen/Qwen2.5-Math-7B"]


def test_fixed_sampling_draws_ten_a_problem_and_ten_more_where_none_was_right():
    assert candidates(50_000, QWEN, adaptive=False) == pytest.approx(10 * (48_006 + 11_620 + 7_634))
    assert candidates(500_000, QWEN, adaptive=False) == pytest.approx(10 * candidates(50_000, QWEN, adaptive=False))
    assert candidates(50_000, QWEN, adaptive=True) < 0.7 * candidates(50_000, QWEN, adaptive=False)


def test_hours():
    assert gpu_hours(9_000, 400, 1_000) == 1.0


def test_the_table_with_figures_of_ones_own(capsys):
    main(["--tokens", "100", "--rate", "MINE=1000"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("| MINE hours |")
    assert lines[2].startswith("| Qwen2.5-Math-7B | 50,000 | fixed | 0.67 M | 0.07 G | 19 |")
    assert len(lines) == 2 + 8


def test_a_rate_without_a_number(capsys):
    with pytest.raises(SystemExit):
        main(["--rate", "H100"])
    assert "expected GPU=TOKENS/S" in capsys.readouterr().err
