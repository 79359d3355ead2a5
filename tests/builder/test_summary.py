import io

import polars as pl
import pytest
from rich.console import Console

from builder.records import CONFIGS, schema
from builder.summary import print_summary, summarize


@pytest.fixture
def release(tmp_path):
    rows = [
        {"id": "a", "stage": "self_alignment", "expert_logprob": -30.0, "policy_logprob": -10.0,
         "expert_logprob_per_token": -3.0, "policy_logprob_per_token": -1.0},
        {"id": "b", "stage": "self_alignment", "expert_logprob": -10.0, "policy_logprob": -2.0,
         "expert_logprob_per_token": -2.0, "policy_logprob_per_token": -0.5},
        {"id": "c", "stage": "fallback", "fallback_reason": "unverifiable",
         "expert_logprob": -8.0, "policy_logprob": -8.0,
         "expert_logprob_per_token": -4.0, "policy_logprob_per_token": -4.0},
    ]  # fmt: skip
    candidates = [
        {"id": "a", "verdict": "correct", "finish_reason": "stop"},
        {"id": "a", "verdict": "correct", "finish_reason": "length", "rejected_reason": "truncated"},
        {"id": "b", "verdict": "timeout", "finish_reason": "stop", "rejected_reason": "not_correct"},
    ]
    content = {"default": rows, "candidates": candidates, "rejected": [{"id": "d", "reason": "overlong"}]}
    for name, of_config in content.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        empty = pl.from_arrow(schema(CONFIGS[name]).empty_table())
        frame = pl.DataFrame(of_config, schema=empty.schema)
        frame.write_parquet(tmp_path / "data" / name / "train-00000.parquet")
    return tmp_path


def test_table_1_and_table_3(release):
    summary = summarize(release)
    assert summary["stages"] == {"self_alignment": 2, "guided_alignment": 0, "fallback": 1, "all": 3}
    assert list(summary["logprobs"]) == ["self_alignment", "fallback", "all"]
    assert summary["logprobs"]["self_alignment"] == {
        "expert_sum": -20.0,
        "kept_sum": -6.0,
        "expert_per_token": -2.5,
        "kept_per_token": -0.75,
    }
    assert summary["logprobs"]["all"]["kept_sum"] == pytest.approx(-20 / 3)


def test_what_was_drawn_and_what_was_left_out(release):
    summary = summarize(release)
    assert summary["verdicts"] == {"correct": 2, "timeout": 1}
    assert summary["rejected_candidates"] == {"not_correct": 1, "truncated": 1}
    assert (summary["candidates"], summary["truncated"]) == (3, 1)
    assert summary["fallback_reasons"] == {"unverifiable": 1}
    assert summary["rejected"] == {"overlong": 1}


def test_a_person_sees_both_tables_and_where_it_is(release):
    out = io.StringIO()
    manifest = {
        "summary": summarize(release),
        "target": {"model": "me/model", "revision": "abc"},
        "cost": {"sampled_tokens": 1000, "scored_tokens": 10, "sessions": 1, "seconds": 10.0},
    }
    print_summary(Console(file=out, width=110), manifest, release)
    text = out.getvalue()
    assert "self_alignment       2   66.7%" in text
    assert "-20.000" in text
    assert "100 sampled tokens/s" in text
    assert str(release) in text
