"""Other choices among the candidates of a release: what a build that had chosen so would have written."""

import json
import os
import random
import shutil
import subprocess
import sys

import polars as pl
import pytest
from datasets import load_dataset

from builder.build import main as build_main
from builder.config import Sampling
from builder.errors import InputError
from builder.merge import main as merge_main
from builder.method.alignment import STAGES, Decision
from builder.method.choosing.policies import POLICIES, Options, chosen
from builder.release import files, parquet
from builder.release.comparison import compare_releases
from builder.release.manifest import read_manifest
from builder.release.open import open_release
from builder.release.side_by_side import side_by_side
from builder.report import main as report_main
from builder.reselect import main
from scripts.standins.builds import table
from tests.drawn_build import Drawn, Task, drawn_build
from tests.hub_standin import HubStandIn

WORDS = ("three", "and", "four", "make", "seven", "so", "it", "is", "clearly")


def tasks(number, seed=0):
    draw = random.Random(seed)

    def drawn(chance, taught=0.0):
        words = " ".join(draw.choices(WORDS, k=draw.randint(4, 25)))
        return Drawn(f"{words} \\boxed{{7}}", draw.random() < chance, draw.random() >= taught)

    made = []
    for place in range(number):
        own = [drawn((0.5, 0.0)[place % 3 == 2], 0.2) for _ in range(4)]
        made.append(Task(own, [drawn((0.6, 0.0)[place % 6 == 5]) for _ in range(4)]))
    return made


@pytest.fixture(scope="module")
def release(tmp_path_factory, chat, target):
    """Twelve problems: solved, retold, and neither."""
    return drawn_build(tmp_path_factory.mktemp("drawn") / "whole", chat, target, tasks(12), retell="all")


def reselect(release, output, policy, *options):
    main([str(release), "--policy", policy, "--output", str(output), *map(str, options)])
    return read_manifest(output)


def content(folder, config):
    return [file.read_bytes() for file in sorted((folder / "data" / config).iterdir())]


def decisions(release, policy):
    """What a policy of one text a problem keeps, as a build would have decided it."""
    problems = [part.problem(n, 0) for part in side_by_side(open_release(str(release))) for n in range(len(part.rows))]
    for problem in problems:
        (text,) = chosen(POLICIES[policy], problem, Options())
        expert = text.phase == "expert"
        if expert and not problem.acceptable:
            yield None  # as decided
        else:
            yield Decision("fallback", None, "not_chosen") if expert else Decision(STAGES[text.phase], text.index)


def test_random_gives_the_very_same_rows(release, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BATCH", 5)
    manifest = reselect(release, tmp_path / "again", "random")
    for config in ("default", "tokens", "candidates", "expert", "rejected"):
        assert content(tmp_path / "again", config) == content(release, config), config
    assert (manifest["reselection"]["changed"], manifest["reselection"]["behavior"]) == (0, None)
    assert manifest["summary"] == read_manifest(release)["summary"]


@pytest.mark.parametrize("policy", [name for name, policy in POLICIES.items() if not policy.keeps_many])
def test_the_rows_are_those_of_a_build_that_had_chosen_so(release, tmp_path, chat, target, policy):
    decided = list(decisions(release, policy))
    built = drawn_build(tmp_path / "built", chat, target, tasks(12), retell="all", decide=lambda n, _: decided[n])
    manifest = reselect(release, tmp_path / "chosen", policy)
    assert content(tmp_path / "chosen", "default") == content(built, "default")
    assert content(tmp_path / "chosen", "tokens") == content(built, "tokens")
    assert manifest["summary"] == read_manifest(built)["summary"]
    before, after = (table(path)["selected_index"].to_list() for path in (release, tmp_path / "chosen"))
    assert policy == "random" or before != after


@pytest.mark.parametrize("policy", POLICIES)
def test_every_problem_comes_out_once_or_is_left_out_with_a_reason(release, tmp_path, policy):
    manifest = reselect(release, tmp_path / "chosen", policy, "--pass-rate", 0.25, 0.5)
    rows, left = table(tmp_path / "chosen"), table(tmp_path / "chosen", "rejected")
    kept = rows["id"].str.replace(r"#\d+$", "").unique().to_list()
    assert sorted([*kept, *left["id"]]) == sorted(table(release)["id"])
    assert rows["id"].to_list() == table(tmp_path / "chosen", "tokens")["id"].to_list()
    assert rows["id"].is_unique().all()
    assert ((rows["self_correct"] / rows["self_sampled"]).is_between(0.25, 0.5)).all()
    assert set(left["reason"]) == {"not_chosen"}
    assert left["detail"].str.contains("of 4 own answers correct: left out by --policy").all()
    made = manifest["reselection"]
    assert (made["problems"], made["left_out"]) == (12, len(left))
    assert manifest["summary"]["rejected"] == {"not_chosen": len(left)}
    for config in ("default", "tokens"):
        assert len(load_dataset(str(tmp_path / "chosen"), config, split="train")) == len(rows)


def test_several_rows_of_a_problem_have_tokens_of_their_own(release, tmp_path, chat):
    manifest = reselect(release, tmp_path / "chosen", "uniform", "--keep", 3)
    rows, tokens = (table(tmp_path / "chosen", config).to_dicts() for config in ("default", "tokens"))
    assert any(row["id"].endswith("#3") for row in rows)
    for row, ids in zip(rows, tokens, strict=True):
        assert chat.text(ids["completion_ids"]) == row["completion"][0]["content"]
        assert row["completion_tokens"] == len(ids["policy_logprobs"])
    assert manifest["summary"]["stages"]["all"] == len(rows)
    assert report_main([str(tmp_path / "chosen"), "--output", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text()
    assert "from whole" in page


def test_manifest_card_and_comparison_name_policy_and_parent(release, tmp_path):
    manifest = reselect(release, tmp_path / "chosen", "grape", "--with-expert")
    made, parent = manifest["reselection"], read_manifest(release)
    assert (made["policy"], made["with_expert"], made["parent"]["name"]) == ("grape", True, "whole")
    assert manifest["fingerprint"] != parent["fingerprint"]
    assert manifest["settings"] == parent["settings"]
    assert "do not have that distribution" in made["behavior"]
    card = (tmp_path / "chosen" / "README.md").read_text()
    assert "`grape` was kept" in card
    assert made["behavior"] in card
    assert str(tmp_path) not in json.dumps(made)
    found = compare_releases(open_release(str(release)), open_release(str(tmp_path / "chosen")))
    assert "reselection.policy: was None, is now 'grape'" in found.settings
    assert found.bump == "minor"


def test_candidates_are_on_the_disk_once(release, tmp_path):
    reselect(release, tmp_path / "chosen", "shortest")
    for config in ("candidates", "expert"):
        ours, theirs = (next((path / "data" / config).iterdir()) for path in (tmp_path / "chosen", release))
        assert ours.samefile(theirs)


def test_large_releases_of_several_files(tmp_path, chat, target, monkeypatch):
    monkeypatch.setattr(parquet, "_ROW_GROUP", 5)
    monkeypatch.setattr(parquet, "_FILE", 5_000)
    monkeypatch.setattr(files, "BATCH", 3)
    whole = drawn_build(tmp_path / "whole", chat, target, tasks(12))
    assert len(content(whole, "candidates")) > 2
    reselect(whole, tmp_path / "again", "random")
    assert content(tmp_path / "again", "default") == content(whole, "default")
    assert content(tmp_path / "again", "tokens") == content(whole, "tokens")
    reselect(whole, tmp_path / "shortest", "shortest")
    assert table(tmp_path / "shortest")["completion_tokens"].sum() < table(whole)["completion_tokens"].sum()


def test_the_same_again_does_nothing_and_something_else_is_refused(release, tmp_path, capsys):
    reselect(release, tmp_path / "chosen", "median")
    before = (tmp_path / "chosen" / "manifest.json").read_bytes()
    reselect(release, tmp_path / "chosen", "median")
    assert "is finished already" in capsys.readouterr().out
    assert (tmp_path / "chosen" / "manifest.json").read_bytes() == before
    with pytest.raises(InputError, match="is a release of something else"):
        reselect(release, tmp_path / "chosen", "shortest")
    assert reselect(release, tmp_path / "chosen", "shortest", "--fresh")["reselection"]["policy"] == "shortest"
    with pytest.raises(InputError, match="chosen is a selection itself, of whole: choose from that"):
        reselect(tmp_path / "chosen", tmp_path / "more", "random")
    with pytest.raises(InputError, match=r"was made by builder\.reselect; merge the shards as built"):
        merge_main([str(tmp_path / "chosen"), "--output", str(tmp_path / "merged")])
    arguments = ["--target", "smollm2-135m-instruct", "--source", "arithmetic", "--engine", "transformers"]
    with pytest.raises(InputError, match=r"chosen was made by builder\.reselect"):
        build_main([*arguments, "--output", str(tmp_path / "chosen")])


def test_what_a_release_lacks_is_said_in_one_line(tmp_path, chat, target):
    adaptive = Sampling(candidates=4, scheme="adaptive")
    made = {
        name: drawn_build(tmp_path / name, chat, target, tasks(6), **settings)
        for name, settings in {
            "adaptive": {"sampling": adaptive}, "small": {"candidate_tokens": False}, "plain": {},
        }.items()
    }  # fmt: skip
    unscored = tmp_path / "unscored"
    shutil.copytree(made["plain"], unscored)
    file = next((unscored / "data" / "candidates").iterdir())
    known = pl.col("index") == 0
    columns = [pl.when(known).then(pl.col(c)).alias(c) for c in ("policy_logprob", "excess_surprisal")]
    pl.read_parquet(file).with_columns(columns).write_parquet(file)
    for name, policy, message in (
        (
            "adaptive",
            ["grape"],
            r"--policy grape compares all candidates of a problem, but .*adaptive was sampled",
        ),
        ("adaptive", ["random", "--pass-rate", "0", "1"], r"--pass-rate compares all candidates"),
        ("small", ["shortest"], r"was built with --candidates-without-tokens"),
        ("plain", ["sdft"], r"retellings of unsolved problems only; build with --retell all"),
        ("unscored", ["shortest"], r"have no policy_logprob; .*--score-candidates logprobs adds it without sampling"),
        (
            "plain",
            ["prop2diff", "--pass-rate", "1", "1"],
            r"--policy prop2diff --keep 4 --pass-rate 1 1 leaves no",
        ),
        ("plain", ["random", "--keep", "2"], r"--keep has no effect on --policy random"),
        ("plain", ["shortest", "--with-expert"], r"--with-expert has no effect on --policy shortest"),
        ("plain", ["diverse", "--keep", "0"], r"--keep 0: it must be at least 1"),
        ("plain", ["random", "--pass-rate", "0.9", "0.1"], r"the lower one first"),
    ):
        with pytest.raises(InputError, match=message) as raised:
            reselect(tmp_path / name, tmp_path / "chosen", *policy)
        assert "\n" not in str(raised.value)
    assert not (tmp_path / "chosen").exists()
    assert reselect(made["adaptive"], tmp_path / "first", "s3ft")["reselection"]["policy"] == "s3ft"
    assert reselect(made["small"], tmp_path / "same", "random")["reselection"]["changed"] == 0


def test_a_published_release_is_chosen_from_like_a_directory(release, tmp_path):
    with HubStandIn() as hub:
        sha = hub.commit("me/d", release, tag="v1.0.0")
        command = [sys.executable, "-m", "builder.reselect", "me/d@v1.0.0", "--policy", "shortest"]
        done = subprocess.run(
            [*command, "--output", str(tmp_path / "theirs")],
            env=os.environ | hub.environment(tmp_path / "home"), capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reselect(release, tmp_path / "ours", "shortest")
    for config in ("default", "tokens", "candidates"):
        assert content(tmp_path / "theirs", config) == content(tmp_path / "ours", config)
    parent = read_manifest(tmp_path / "theirs")["reselection"]["parent"]
    assert (parent["name"], parent["revision"]) == ("me/d@v1.0.0", sha)
