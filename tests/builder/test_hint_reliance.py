"""Retellings that the hint made much likelier than the policy would have them: by half a nat a token, here."""

import pytest

from builder.errors import InputError
from builder.reverify import main as reverify
from scripts.standins.builds import answer, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine

pytestmark = pytest.mark.slow


@pytest.fixture
def engine(chat):
    with FakeEngine(chat, answer) as running:
        yield running


@pytest.mark.parametrize("sampling", ["fixed", "adaptive"])
def test_a_retelling_beyond_the_limit_is_not_kept_and_the_limit_can_be_moved_later(tmp_path, engine, build, sampling):
    source = write_source(tmp_path / "s.jsonl", [problem("retellable"), problem("solvable")])
    output, options = tmp_path / "r", ("--sampling", sampling)
    build(source, output, engine, *options, "--max-hint-reliance", "0.4")
    assert table(output)["stage"].to_list() == ["fallback", "self_alignment"]
    guided = table(output, "candidates").to_dicts()
    assert {row["rejected_reason"] for row in guided if row["phase"] == "guided"} == {"relies_on_hint"}

    sampled = engine.sampled.total()
    build(source, output, engine, *options, "--max-hint-reliance", "0.6")
    assert table(output)["stage"].to_list() == ["guided_alignment", "self_alignment"]
    assert table(output)["hint_reliance"].to_list() == [pytest.approx(0.5), None]
    assert engine.sampled.total() == sampled


def test_judged_again_it_stays_out_and_another_limit_needs_an_engine(tmp_path, engine, build):
    source = write_source(tmp_path / "s.jsonl", [problem("retellable")])
    build(source, tmp_path / "r", engine, "--max-hint-reliance", "0.4")
    assert reverify([str(tmp_path / "r"), "--output", str(tmp_path / "again")]) == 0
    assert table(tmp_path / "again").equals(table(tmp_path / "r"))
    with pytest.raises(InputError, match=r"--max-hint-reliance 0\.6: log-probs are needed"):
        reverify([str(tmp_path / "r"), "--output", str(tmp_path / "other"), "--max-hint-reliance", "0.6"])
