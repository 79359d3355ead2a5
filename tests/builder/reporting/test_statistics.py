from math import exp, log

import numpy as np
import polars as pl
import pytest

from builder.errors import InputError
from builder.reporting.statistics import collect
from tests.builder.reporting.handmade import ROWS, Row, write


def ess(weights):
    weights = np.array(weights)
    return pytest.approx(weights.sum() ** 2 / (len(weights) * (weights**2).sum()))


def test_weights_of_rows_before_and_after(release):
    before, after = collect(release).rows["all"].mean
    assert (before.count, after.count) == (4, 4)
    assert before.effective == ess(np.exp([-2, -2, -4, -4]))
    assert after.effective == ess(np.exp([-0.4, -1.5, -1, -4]))
    assert after.log_quantiles[2] == pytest.approx(-1.5)
    before, after = collect(release).rows["guided_alignment"].product
    assert before.log_quantiles == pytest.approx([-8] * 5)
    assert after.log_quantiles == pytest.approx([-2] * 5)


def test_weights_of_tokens_with_the_unit_denominator(release):
    unit = collect(release).tokens.unit
    assert {name: weights.count for name, weights in unit.items()} == {
        "all": 9, "self_alignment": 5, "guided_alignment": 2, "fallback": 2,
    }  # fmt: skip
    assert unit["fallback"].effective == ess([exp(-6), exp(-2)])
    assert unit["all"].log_mean == pytest.approx(log(np.mean(np.exp([-0.5, -0.5, -0.2, -1, -2, -1.5, -0.5, -6, -2]))))


def test_weights_with_the_stored_denominator_leave_expert_text_out(release):
    tokens = collect(release).tokens
    assert set(tokens.stored) == set(tokens.stored_rows) == {"all", "self_alignment", "guided_alignment"}
    assert tokens.stored["self_alignment"].effective == pytest.approx(1)
    assert tokens.stored["self_alignment"].log_mean == pytest.approx(0)
    assert tokens.stored["guided_alignment"].effective == ess([exp(-1), 1])
    assert tokens.stored_rows["all"].effective == ess([1, 1, exp(-1)])
    assert tokens.log_ratios["guided_alignment"].tolist() == pytest.approx([-1.0])


def test_many_rows_in_several_files_and_batches_are_all_read(tmp_path, monkeypatch):
    monkeypatch.setattr("builder.reporting.token_weights._BATCH", 3)
    rows = [Row(f"{r.id}{n}", r.stage, r.expert, r.policy, r.behavior) for n in range(5) for r in ROWS]
    release = write(tmp_path / "r", rows)
    folder = release.path / "data" / "tokens"
    tokens = pl.read_parquet(folder / "train-00000.parquet")
    tokens[::-1][:7].write_parquet(folder / "train-00000.parquet")  # the order is not that of `default`
    tokens[::-1][7:].write_parquet(folder / "train-00001.parquet")
    found = collect(release).tokens
    assert found.unit["all"].count == 45
    assert found.log_ratios["guided_alignment"].tolist() == pytest.approx([-1.0] * 5)


def test_candidates_by_phase(release):
    drawn = collect(release).drawn
    assert drawn["self"].verdicts == {"correct": 3, "incorrect": 3, "no_answer": 1, "timeout": 1}
    assert (drawn["self"].count, drawn["self"].truncated) == (8, 1)
    assert drawn["guided"].not_kept == {"not_correct": 2, "copies_reference": 1}


def test_pass_rates_count_only_rows_that_were_tried(release):
    assert collect(release).pass_rates == {
        "self": {"0 of 2": 2, "1 of 2": 1, "2 of 2": 1},
        "guided": {"0 of 2": 1, "1 of 2": 0, "2 of 2": 1},
    }


def test_sources_and_where_they_fall_back(release):
    found = collect(release)
    assert found.sources == {
        "made-up": {"self_alignment": 1, "guided_alignment": 1, "fallback": 1},
        "other": {"self_alignment": 1},
    }
    assert found.source_fallback == {"made-up": {"no_acceptable_candidate": 1}}


def test_a_stage_without_rows_is_left_out(tmp_path):
    found = collect(write(tmp_path / "r", [ROWS[3]]))
    assert set(found.rows) == {"all", "fallback"}
    assert found.tokens.stored == {}
    assert found.pass_rates["self"] == {"0 of 2": 1, "1 of 2": 0, "2 of 2": 0}


def test_a_release_without_rows_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no rows"):
        collect(write(tmp_path / "r", []))


def test_log_probs_that_do_not_align_name_the_row(tmp_path):
    with pytest.raises(InputError, match="of row x differ in length"):
        collect(write(tmp_path / "r", [Row("x", "self_alignment", [-1.0], [-1.0, -1.0], [-1.0])]))


def test_tokens_of_an_unknown_row_are_named(tmp_path):
    release = write(tmp_path / "r", ROWS)
    file = release.path / "data" / "default" / "train-00000.parquet"
    pl.read_parquet(file).filter(pl.col("id") != "b").write_parquet(file)
    with pytest.raises(InputError, match="row b of `tokens` is not in `default`"):
        collect(release)
