import shutil

import numpy as np
import polars as pl
import pytest

from builder.errors import InputError
from builder.policy.chat import Chat
from builder.release.open import open_release
from trainers.data.release_rows import release_rows


@pytest.fixture(scope="module")
def tiny_chat(tiny_model, tiny_target):
    return Chat(tiny_model, tiny_target)


def test_all_of_d_prime_comes_as_its_tokens_with_its_log_probs(release, tiny_chat):
    opened = open_release(str(release))
    rows = release_rows(opened, "full", tiny_chat)
    tokens = opened.scan("tokens").collect().to_dicts()
    assert rows.ids == [row["id"] for row in tokens]
    for row, expected in zip(rows, tokens, strict=True):
        assert row.prompt_ids.tolist() == expected["prompt_ids"]
        assert row.completion_ids.tolist() == expected["completion_ids"]
        assert row.reference.tolist() == expected["policy_logprobs"]
        if expected["behavior_logprobs"] is None:
            assert np.isnan(row.behavior).all()
        else:
            assert row.behavior.tolist() == expected["behavior_logprobs"]
    assert (rows.without_reference, rows.without_behavior) == (0, 4)
    assert rows.lengths.tolist() == [len(r["prompt_ids"]) + len(r["completion_ids"]) for r in tokens]


def test_self_alignment_alone(release, tiny_chat):
    rows = release_rows(open_release(str(release)), "self_alignment", tiny_chat)
    assert rows.ids == [f"made-up-{n}" for n in range(20) if n % 5 in (0, 3, 4)]
    assert rows.without_behavior == 0


def test_the_policys_own_text_and_the_experts_elsewhere(release, tiny_chat):
    opened = open_release(str(release))
    both = release_rows(opened, "self_and_expert", tiny_chat)
    own, expert = (release_rows(opened, data, tiny_chat) for data in ("self_alignment", "expert"))
    assert both.ids == expert.ids
    for row, theirs in zip(both, expert, strict=True):
        expected = own[own.ids.index(row.id)] if row.id in own.ids else theirs
        assert row.completion_ids.tolist() == expected.completion_ids.tolist()
        np.testing.assert_array_equal(row.reference, expected.reference)
    assert both.without_behavior == 8
    assert len({rows.sha256 for rows in (both, own, expert)}) == 3
    assert both.sha256 == release_rows(opened, "self_and_expert", tiny_chat).sha256


def test_the_experts_text_for_every_row_from_the_same_release(release, tiny_chat):
    opened = open_release(str(release))
    rows = release_rows(opened, "expert", tiny_chat)
    solutions = opened.scan("default").collect().to_dicts()
    assert rows.ids == [row["id"] for row in solutions]
    for row, expected in zip(rows, solutions, strict=True):
        assert row.completion_ids.tolist() == tiny_chat.completion(expected["expert_solution"])
        assert len(row.completion_ids) == expected["expert_tokens"]
        assert row.prompt_ids.tolist() == tiny_chat.plain_prompt(expected["problem"])
        assert np.isnan(row.behavior).all()
    assert rows.without_reference == 16  # the four fallback rows are the expert's text, scored already


def test_a_weight_column_of_ones_own(release, tiny_chat, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    (file,) = (copy / "data" / "default").glob("*.parquet")
    pl.read_parquet(file).with_columns(weight=pl.col("expert_tokens") / 4).write_parquet(file)
    opened = open_release(str(copy))
    expected = opened.scan("default").collect()["weight"].to_list()
    assert release_rows(opened, "full", tiny_chat).weights.tolist() == expected
    assert release_rows(open_release(str(release)), "full", tiny_chat).weights.tolist() == [1.0] * 20


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("completion_ids", [], "row made-up-1: completion_ids is empty"),
        ("policy_logprobs", [-1.0], r"row made-up-1: \d+ completion_ids but 1 policy_logprobs"),
        ("id", "other", "row other: it is in config `tokens` but not in `default`"),
    ],
)
def test_a_row_that_does_not_fit_together_is_named(release, tiny_chat, tmp_path, column, value, message):
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    file = copy / "data" / "tokens" / "train-00000.parquet"
    frame = pl.read_parquet(file)
    rows = frame.to_dicts()
    rows[1][column] = value
    pl.DataFrame(rows, schema=frame.schema).write_parquet(file)
    with pytest.raises(InputError, match=message):
        release_rows(open_release(str(copy)), "full", tiny_chat)
