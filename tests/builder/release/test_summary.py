import io

import polars as pl
import pytest
from rich.console import Console

from builder.release.origins import origins
from builder.release.records import CONFIGS, schema
from builder.release.summary import print_summary, summarize

EXCESS = ["excess_surprisal", "expert_excess_surprisal", "entropy_bound"]


@pytest.fixture
def release(tmp_path):
    rows = [
        {"id": "a", "stage": "self_alignment", "answer_form": "boxed", "answer_kind": "value", "origin": "aops",
         "expert_verdict": "correct", "self_sampled": 4, "self_correct": 1, "expert_logprob": -30.0,
         "policy_logprob": -10.0, "expert_logprob_per_token": -3.0, "policy_logprob_per_token": -1.0,
         "expert_excess_surprisal": 10.0, "expert_tokens": 10, "excess_surprisal": 4.0, "completion_tokens": 10,
         "entropy_bound": 0.1},
        {"id": "b", "stage": "self_alignment", "answer_form": "stated", "answer_kind": "value", "origin": "aops",
         "expert_verdict": "incorrect", "expert_false_steps": 2, "self_sampled": 4, "self_correct": 4,
         "expert_logprob": -10.0,
         "policy_logprob": -2.0, "expert_logprob_per_token": -2.0, "policy_logprob_per_token": -0.5,
         "expert_excess_surprisal": 5.0, "expert_tokens": 5, "excess_surprisal": -9.0, "completion_tokens": 10,
         "entropy_bound": 0.3},
        {"id": "c", "stage": "fallback", "fallback_reason": "unverifiable", "answer_form": "trailing",
         "answer_kind": "proof", "self_sampled": 0, "self_correct": 0,
         "expert_logprob": -8.0, "policy_logprob": -8.0,
         "expert_logprob_per_token": -4.0, "policy_logprob_per_token": -4.0,
         "expert_excess_surprisal": 6.0, "expert_tokens": 2, "excess_surprisal": 6.0, "completion_tokens": 2,
         "entropy_bound": 0.2},
    ]  # fmt: skip
    candidates = [
        {"id": "a", "verdict": "correct", "finish_reason": "stop", "answer_form": "boxed"},
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
        "expert_excess": 1.0,
        "kept_excess": -0.25,
        "entropy_bound": 0.2,
    }
    assert summary["logprobs"]["all"]["kept_sum"] == pytest.approx(-20 / 3)


def test_what_was_drawn_and_what_was_left_out(release):
    summary = summarize(release)
    assert summary["verdicts"] == {"correct": 2, "timeout": 1}
    assert summary["rejected_candidates"] == {"not_correct": 1, "truncated": 1}
    assert (summary["candidates"], summary["truncated"]) == (3, 1)
    assert summary["fallback_reasons"] == {"unverifiable": 1}
    assert summary["rejected"] == {"overlong": 1}


def test_answers_experts_and_kinds_are_counted(release):
    summary = summarize(release)
    assert summary["answer_forms"] == {"boxed": 1, "stated": 1}
    assert summary["candidate_answer_forms"] == {"none": 2, "boxed": 1}
    assert summary["answer_kinds"] == {"value": 2, "proof": 1}
    assert summary["expert_verdicts"] == {"correct": 1, "incorrect": 1}
    assert summary["expert_false_steps"] == 1


def test_what_became_of_each_origin(release):
    found = summarize(release)["origins"]
    assert list(found) == ["aops", "unknown"]
    assert found["aops"] == {
        "rows": 2,
        "stages": {"self_alignment": 2},
        "fallback_reasons": {},
        "self_correct_share": 0.625,
    }
    assert found["unknown"]["fallback_reasons"] == {"unverifiable": 1}
    assert found["unknown"]["self_correct_share"] is None


def test_the_smaller_ones_of_many_origins_are_counted_together():
    names = [f"o{n:02}" for n in range(15) for _ in range(20 - n)]
    row = {"stage": "fallback", "fallback_reason": "no_room", "self_sampled": 2, "self_correct": 1}
    rows = pl.LazyFrame([row | {"origin": name} for name in names])
    found = origins(rows)
    assert list(found) == [*(f"o{n:02}" for n in range(12)), "other"]
    assert found["other"]["rows"] == 8 + 7 + 6
    assert found["other"]["self_correct_share"] == 0.5
    assert origins(rows.with_columns(pl.lit(None, pl.String).alias("origin"))) == {}


def test_a_release_of_an_earlier_version_can_be_read(release):
    for config, lacking in (
        ("default", ["origin", "answer_kind", "expert_verdict", "expert_false_steps", *EXCESS]),
        ("candidates", ["answer_form"]),
    ):
        file = release / "data" / config / "train-00000.parquet"
        pl.read_parquet(file).drop(lacking).write_parquet(file)
    summary = summarize(release)
    assert (summary["origins"], summary["answer_kinds"], summary["expert_verdicts"]) == ({}, {}, {})
    assert summary["logprobs"]["all"]["kept_excess"] is None
    assert "excess surprisal" not in printed(release)


def printed(release, **more):
    out = io.StringIO()
    manifest = {
        "summary": summarize(release),
        "target": {"model": "me/model", "revision": "abc"},
        "verifier": {"version": "math-verify 0.9.0"},
        "cost": {"sampled_tokens": 1000, "scored_tokens": 10, "sessions": 1, "seconds": 10.0},
    }
    print_summary(Console(file=out, width=110), manifest | more, release)
    return out.getvalue()


def test_a_person_sees_what_was_checked(release):
    text = printed(release)
    assert "nats a token: 0 for what the policy itself writes; off by at most 0.20" in text
    assert "+1.000  -0.250" in text
    for line in (
        "answers     boxed 1, stated 1",
        "asked for   value 2, proof 1",
        "expert      correct 1, incorrect 1",
    ):
        assert line in text
    assert "own pass rate" in text
    assert "62.5%" in text
    assert "adaptive" not in text


def test_shares_of_an_adaptive_build_are_not_called_pass_rates(release):
    text = printed(release, sampling={"scheme": "adaptive"})
    assert "Rows by origin (sampling was adaptive: no pass rates)" in text
    assert "shares of correct ones are no pass rates" in text
    assert "own pass rate" not in text
    assert "own answers correct" in text


def test_a_person_sees_both_tables_and_where_it_is(release):
    text = printed(release)
    assert "self_alignment       2   66.7%" in text
    assert "-20.000" in text
    assert "100 sampled tokens/s" in text
    assert str(release) in text
