"""Build, publish, build again with another seed, publish, compare, load both versions, as people do it."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from scripts.standins.fake_engine import FakeEngine
from tests.hub_standin import READ_TOKEN, TOKEN, HubStandIn
from tests.zygote import BUILDING, PUBLISHING, Zygote

REPO = "ours/d-prime"
PROBLEMS = 6
LOADS = f"""
import json
from datasets import load_dataset

found = {{}}
for version in ("v1.0.0", "v1.1.0"):
    rows = load_dataset({REPO!r}, revision=version, split="train")
    tokens = load_dataset({REPO!r}, "tokens", revision=version, split="train")
    found[version] = {{"selected": rows["selected_index"][:], "ids": tokens["id"][:]}}
print(json.dumps(found))
"""


def answer(prompt, drawn_before):
    """Every sample is right and none is like another; the last problem is never solved."""
    if "hopeless" in prompt:
        return "I believe \\boxed{5}."
    return f"Sample {drawn_before}: four, so \\boxed{{4}}."


@pytest.fixture
def engine(chat):
    with FakeEngine(chat, answer) as running:
        yield running


@pytest.fixture
def source(tmp_path):
    names = [*(f"sum {n}" for n in range(PROBLEMS - 1)), "hopeless"]
    rows = [{"problem": f"({name}) What is 2 + 2?", "solution": "Adding gives \\boxed{4}."} for name in names]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "sums.jsonl"


@pytest.mark.slow
def test_two_versions_from_build_to_load(tmp_path, source, engine):
    with HubStandIn() as hub, ExitStack() as stack:
        environment = os.environ | hub.environment(tmp_path / "home", TOKEN)
        zygote = stack.enter_context(Zygote(environment, BUILDING + PUBLISHING))

        def build(seed, version, **other):
            return zygote.run(
                "builder.build", "--target", "smollm2-135m-instruct", "--source", str(source),
                "--candidates", "8", "--seed", str(seed), "--output", str(tmp_path / f"seed-{seed}"),
                "--engine-url", engine.url, "--trust-engine", "--push-to-hub", REPO, "--version", version,
                environment=other,
            )  # fmt: skip

        refused = build(0, "1.0.0", HF_TOKEN=READ_TOKEN)
        assert refused.returncode == 2
        assert "may only read" in refused.stderr
        assert not engine.sampled  # said before the build, not after it

        for seed, version in ((0, "1.0.0"), (1, "1.1.0")):
            done = build(seed, version)
            assert done.returncode == 0, done.stderr
            assert f"published {REPO} v{version}" in done.stdout
            assert f"equal to the release in every row (default {PROBLEMS}, tokens {PROBLEMS}" in done.stdout
        asked = engine.sampled.total()
        again = build(1, "1.1.0")
        assert again.returncode == 0, again.stderr
        assert engine.sampled.total() == asked
        taken = build(2, "1.1.0")
        assert taken.returncode == 2
        assert "was built with other settings, and a published version never changes" in taken.stderr
        assert engine.sampled.total() == asked

        repo = hub.repos["dataset", REPO]
        assert [commit.title for commit in repo.commits.values()] == [
            "initial commit",
            "Release 1.0.0",
            "Release 1.1.0",
        ]
        published = repo.commits[repo.tags["v1.1.0"]].files
        assert str(tmp_path).encode() not in b"".join((published["README.md"], published["manifest.json"]))
        assert b"### 1.1.0" in published["README.md"]
        assert b"- seed: was 0, is now 1" in published["README.md"]

        done = zygote.run("builder.diff", f"{REPO}@v1.0.0", f"{REPO}@v1.1.0", "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        loaded = subprocess.run(
            [sys.executable, "-c", LOADS], env=environment, capture_output=True, text=True, check=False
        )
        assert loaded.returncode == 0, loaded.stderr
        versions = json.loads(loaded.stdout)

    first, second = versions["v1.0.0"], versions["v1.1.0"]
    assert first["ids"] == second["ids"]
    assert first["selected"][-1] is None
    changed = [row for row, one, other in zip(first["ids"], first["selected"], second["selected"], strict=True)
               if one != other]  # fmt: skip
    assert changed
    assert found["rewritten"] == changed
    assert found["rows"]["common"] == PROBLEMS
    assert (found["added"], found["removed"], found["moved"]) == ([], [], [])
    assert found["settings"] == ["seed: was 0, is now 1"]
    assert found["bump"] == "minor"
    assert found["logprobs"]["all"]["rows"] == PROBLEMS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--push-to-hub", "me/d"], "--push-to-hub needs the version"),
        (["--version", "1.0.0"], "give --push-to-hub USER/NAME too"),
        (["--push-to-hub", "d-prime", "--version", "1.0.0"], "has the form USER/NAME"),
        (["--push-to-hub", "me/d", "--version", "1"], "must be three numbers"),
    ],
)
def test_what_publishing_needs_is_checked_before_anything_else(arguments, message):
    from builder.build import main
    from builder.errors import InputError

    with pytest.raises(InputError, match=message):
        main(["--target", "smollm2-135m-instruct", *arguments])
