"""Builds that go on in the same directory with other settings: what is there is used, and nothing is lost."""

import json
import shutil

import pytest
import yaml

from builder.journal.journal import Journal
from builder.reverify import main as reverify
from scripts.standins.builds import answer, problem, write_source
from scripts.standins.fake_engine import FakeEngine

pytestmark = pytest.mark.slow

KINDS = ("solvable", "retellable", "hopeless")


@pytest.fixture
def source(tmp_path):
    return write_source(tmp_path / "s.jsonl", [problem(KINDS[n % 3], n) for n in range(12)])


def manifest(output):
    return json.loads((output / "manifest.json").read_text())


def data(output):
    """sha256 of every data file of a release."""
    return {path: facts["sha256"] for path, facts in manifest(output)["files"].items() if path.startswith("data/")}


def test_a_build_that_was_extended_is_the_build_of_its_size(tmp_path, chat, source, build):
    size = ("--candidates", "5", "--limit", "9")
    with FakeEngine(chat, answer) as engine:
        build(source, tmp_path / "whole", engine, *size)
        needed = engine.sampled.total()
    with FakeEngine(chat, answer) as engine:
        build(source, tmp_path / "r", engine, "--candidates", "2", "--limit", "5")
        done = build(source, tmp_path / "r", engine, *size)
        assert "stored samples are judged again" in done.stderr
        assert "to do: 9 rows; to draw: 35 candidates (10 are stored)" in done.stderr
        assert engine.sampled.total() == needed
        assert data(tmp_path / "r") == data(tmp_path / "whole")
        assert manifest(tmp_path / "r")["summary"] == manifest(tmp_path / "whole")["summary"]
        build(source, tmp_path / "r", engine, "--candidates", "2", "--limit", "9", "--rules", "paper")
        assert engine.sampled.total() == needed
        assert manifest(tmp_path / "r")["summary"]["candidates"] < needed


def test_what_a_target_is_called_and_runs_on_asks_for_nothing(tmp_path, chat, target, source, build):
    with FakeEngine(chat, answer) as engine:
        build(source, tmp_path / "r", engine)
        before, asked = data(tmp_path / "r"), engine.asked
        for change, says in (({"vllm_args": ["--max-num-seqs", "8"]}, "finished already"), ({"license": "mit"}, "")):
            file = tmp_path / "mine.yaml"
            file.write_text(yaml.safe_dump(target.model_dump(mode="json", exclude_none=True) | change))
            assert says in build(source, tmp_path / "r", engine, "--target", str(file)).stderr
        assert engine.asked == asked
    assert data(tmp_path / "r") == before
    assert manifest(tmp_path / "r")["target"]["license"] == "mit"


def test_a_command_that_reached_no_engine_leaves_nothing_that_refuses_a_corrected_one(tmp_path, chat, source, build):
    with FakeEngine(chat, answer) as engine, FakeEngine(chat, answer, max_model_len=512) as wrong:
        failed = build(source, tmp_path / "r", wrong, "--seed", "3", "--temperature", "0.5", check=False)
        assert failed.returncode == 3
        build(source, tmp_path / "r", engine, "--limit", "1")
        with Journal(tmp_path / "r.work" / "journal.sqlite") as journal:
            assert journal.progress().rows == 1
    assert (manifest(tmp_path / "r")["seed"], manifest(tmp_path / "r")["engine"]) == (0, "unknown engine 0")


def test_a_release_judged_again_is_what_its_build_makes_of_the_same_rules(tmp_path, chat, build):
    kinds = ("solvable", "retellable", "leaky", "copied", "endless", "hopeless", "proof")
    source = write_source(tmp_path / "s.jsonl", [problem(kind, 0, *(["QED"] * (kind == "proof"))) for kind in kinds])
    with FakeEngine(chat, answer) as engine:
        build(source, tmp_path / "r", engine, "--rules", "paper")
        again = [str(tmp_path / "r"), "--output", str(tmp_path / "same")]
        reverify(again)
        assert data(tmp_path / "same") == data(tmp_path / "r")
        reverify([*again[:2], str(tmp_path / "again"), "--rules", "default"])
        build(source, tmp_path / "r", engine)
    assert manifest(tmp_path / "again")["reverification"]["needs_engine"] == 0
    assert manifest(tmp_path / "again")["reverification"]["changed"] == 2  # leaky and copied
    assert data(tmp_path / "again") == data(tmp_path / "r")
    assert manifest(tmp_path / "again")["fingerprint"] == manifest(tmp_path / "r")["fingerprint"]


def test_of_a_release_alone_only_what_other_rules_lack_is_drawn(tmp_path, chat, build, capsys):
    kinds = ("solvable", "retellable", "leaky", "copied", "endless", "hopeless", "proof")
    source = write_source(tmp_path / "s.jsonl", [problem(kind, 0, *(["QED"] * (kind == "proof"))) for kind in kinds])
    with FakeEngine(chat, answer) as engine:
        build(source, tmp_path / "r", engine)
        shutil.rmtree(tmp_path / "r.work")
        sampled, scored = engine.sampled.total(), engine.scored.total()
        asking = ("--engine-url", engine.url, "--trust-engine")
        reverify([str(tmp_path / "r"), "--output", str(tmp_path / "same"), *asking])
        assert (engine.sampled.total(), engine.scored.total()) == (sampled, scored)
        assert data(tmp_path / "same") == data(tmp_path / "r")
        reverify([str(tmp_path / "r"), "--output", str(tmp_path / "paper"), "--rules", "paper", *asking])
        assert engine.sampled.total() == sampled
        assert 2 <= engine.scored.total() - scored <= 8  # two retellings that talk or copy, four times each
        assert "guided_alignment 1 → 3" in capsys.readouterr().out
    with FakeEngine(chat, answer) as engine:
        build(source, tmp_path / "whole", engine, "--rules", "paper")
    assert data(tmp_path / "paper") == data(tmp_path / "whole")
