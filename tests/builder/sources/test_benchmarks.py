import json

import pytest

from builder.errors import InputError
from builder.sources.benchmarks import BENCHMARKS, benchmark_index, resolved

PROBLEM = "A farmer has seventeen sheep and sells all but nine of them at the market. How many are left?"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The Hub's cache of a machine that has evaluated on AMC23, and has looked at the card of MATH-500."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("builder.sources.benchmarks.open_hub", lambda spec: pytest.fail("it would download"))

    def put(repo, sha, name, content):
        root = tmp_path / "hub" / f"datasets--{repo.replace('/', '--')}"
        for folder in ("blobs", f"snapshots/{sha}"):
            (root / folder).mkdir(parents=True)
        (root / "blobs" / sha).write_text(content)
        (root / "snapshots" / sha / name).symlink_to(root / "blobs" / sha)

    put(BENCHMARKS["amc23"].repo, "a" * 40, "test.jsonl", json.dumps({"question": PROBLEM, "answer": "9"}) + "\n")
    put(BENCHMARKS["math500"].repo, "b" * 40, "README.md", "# MATH-500\n")


def test_by_default_it_is_what_this_machine_has_and_nothing_is_downloaded(cache):
    pinned = resolved(["auto"])
    assert pinned == [f"amc23@{'a' * 40}"]
    found = benchmark_index(pinned).overlap(PROBLEM)
    assert (found.item.benchmark, found.item.id, found.share) == ("amc23", "problem 1", 1)


def test_a_machine_that_has_no_cache_compares_with_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "nothing"))
    assert resolved(["auto"]) == []


def test_off_is_nothing(cache):
    assert resolved(["off"]) == []


def test_a_file_is_pinned_and_must_stay_as_it_was(tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"problem": PROBLEM}) + "\n" + json.dumps({"problem": None}) + "\n")
    (pinned,) = resolved([str(file)])
    assert pinned.startswith(f"{file}@sha256:")
    assert benchmark_index([pinned]).overlap(PROBLEM).item.benchmark == "mine.jsonl"
    file.write_text("{}\n")
    with pytest.raises(InputError, match="has changed"):
        benchmark_index([pinned])


def test_what_is_unknown_or_has_no_problems_is_said(tmp_path):
    with pytest.raises(InputError, match="--decontaminate gsm9k: unknown"):
        resolved(["gsm9k"])
    file = tmp_path / "answers.jsonl"
    file.write_text(json.dumps({"answer": "9"}) + "\n")
    with pytest.raises(InputError, match="no field problem or question"):
        benchmark_index(resolved([str(file)]))
