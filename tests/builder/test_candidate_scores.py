"""What a release holds of the candidates that it does not keep, so that another one can be kept without an engine."""

import pytest

from scripts.standins.builds import answer, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine

pytestmark = pytest.mark.slow


@pytest.fixture
def engine(chat):
    with FakeEngine(chat, answer) as running:
        yield running


def acceptable(output, phase):
    found = table(output, "candidates").to_dicts()
    return [row for row in found if row["phase"] == phase and row["rejected_reason"] is None]


def test_what_is_scored_is_as_asked_for_and_never_sampled_again(tmp_path, engine, build):
    source = write_source(tmp_path / "s.jsonl", [problem("solvable"), problem("retellable")])
    output = tmp_path / "r"
    build(source, output, engine, "--retell", "all", "--candidates-without-tokens", "--score-candidates", "none")
    own, retold = acceptable(output, "self"), acceptable(output, "guided")
    assert (len(own), len(retold)) == (2, 2 + 4)  # the solvable one is retold, too
    assert [row["policy_logprob"] for row in own] == [row["logprob"] for row in own]  # drawn from the policy itself
    assert sum(row["policy_logprob"] is not None for row in retold) == 1  # the kept one alone
    assert {row["token_ids"] for row in [*own, *retold]} == {None}
    assert len(table(output, "expert")) == 0
    assert {row["guided_sampled"] for row in table(output).to_dicts()} == {4}
    sampled, kept = engine.sampled.total(), table(output)["completion"].to_list()

    build(source, output, engine, "--retell", "all")  # the same directory: stored samples, scored now
    own, retold = acceptable(output, "self"), acceptable(output, "guided")
    assert [len(row["token_ids"]) for row in own] == [row["tokens"] for row in own]
    assert {row["policy_logprobs"] for row in own} == {None}
    for row in retold:
        assert row["policy_logprobs"] == [-1.0] * row["tokens"]
        assert row["behavior_logprobs"] == [-0.5] * row["tokens"]
        assert row["policy_logprob"] == -1.0 * row["tokens"]
    assert sum(row["excess_surprisal"] is not None for row in [*own, *retold]) == 2  # the kept ones
    assert len(table(output, "expert")) == 2

    build(source, output, engine, "--retell", "all", "--score-candidates", "entropies")
    for row in [*acceptable(output, "self"), *acceptable(output, "guided")]:
        assert row["excess_surprisal"] == pytest.approx(-row["policy_logprob"] - 0.75 * row["tokens"])
    assert (engine.sampled.total(), table(output)["completion"].to_list()) == (sampled, kept)


def test_at_another_temperature_own_answers_are_scored_too(tmp_path, engine, build):
    source = write_source(tmp_path / "s.jsonl", [problem("solvable")])
    build(source, tmp_path / "r", engine, "--temperature", "0.5")
    own = acceptable(tmp_path / "r", "self")
    assert [row["policy_logprobs"] for row in own] == [[-1.0] * row["tokens"] for row in own]
