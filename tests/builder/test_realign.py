"""A release for the next checkpoint: what stays, what is asked, what is refused; over an engine that says anything."""

import json
import shutil

import pytest
import yaml

from builder.config import Sampling, Target
from builder.errors import InputError
from builder.policy.models import resolve_model
from builder.realign import main
from builder.release.manifest import read_manifest
from builder.reselect import main as reselect
from builder.reverify import main as reverify
from scripts.standins.builds import answer, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine
from tests.checkpoints import checkpoint as a_checkpoint
from tests.drawn_build import Drawn, Task, drawn_build

RIGHT = [Drawn(f"Clearly three and four make seven, so \\boxed{{7}}, the {n}th time.") for n in range(4)]
WRONG = [Drawn(f"Clearly it is eight, so \\boxed{{8}}, the {n}th time.", acceptable=False) for n in range(4)]
TASKS = [Task([*RIGHT[:2], *WRONG[2:]]), Task(RIGHT), Task(WRONG, RIGHT), Task(WRONG, WRONG)]
CONFIGS = ("default", "tokens", "candidates", "expert", "rejected")


@pytest.fixture
def checkpoint(smollm2, tmp_path):
    """Makes checkpoints of the real model, by name."""
    return lambda name: a_checkpoint(smollm2, tmp_path / "checkpoints" / name)


@pytest.fixture(scope="module")
def release(tmp_path_factory, chat, target):
    return drawn_build(tmp_path_factory.mktemp("drawn") / "first", chat, target, TASKS)


@pytest.fixture
def engine(chat):
    with FakeEngine(chat, answer) as running:
        yield running


def content(folder, *configs):
    return {c: [f.read_bytes() for f in sorted((folder / "data" / c).iterdir())] for c in configs}


def asking(engine):
    return "--engine-url", engine.url, "--trust-engine"


def edited(release, folder, **changes):
    """A copy of a release whose manifest says something else at these paths, joined by two underscores."""
    shutil.copytree(release, folder)
    manifest = read_manifest(folder)
    for path, value in changes.items():
        *where, last = path.split("__")
        part = manifest
        for name in where:
            part = part[name]
        part[last] = value
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_the_checkpoint_that_wrote_it_costs_nothing_and_gives_the_same_rows(release, tmp_path, checkpoint, capsys):
    same = checkpoint("same")
    revision = resolve_model(read_target(release, same), weights=False).revision
    own = edited(release, tmp_path / "own", settings__model_revision=revision, target__revision=revision)
    command = [str(own), "--target", str(same), "--output", str(tmp_path / "next")]
    assert main([*command, "--dry-run"]) == 0
    assert not (tmp_path / "next").exists()
    assert main(command) == 0
    assert content(tmp_path / "next", *CONFIGS) == content(own, *CONFIGS)
    assert "its rows stay, and nothing is drawn" in capsys.readouterr().out
    assert main(command) == 0
    assert "finished already" in capsys.readouterr().out
    assert main([str(tmp_path / "next"), "--target", str(same), "--output", str(tmp_path / "third")]) == 0
    assert content(tmp_path / "third", *CONFIGS) == content(own, *CONFIGS)


def read_target(release, folder):
    return Target.model_validate(read_manifest(release)["settings"]["target"] | {"model": str(folder)})


def test_what_cannot_be_realigned_is_refused_in_one_line(release, tmp_path, checkpoint, chat, target):
    new = str(checkpoint("new"))

    def refused(parent, words, target=new, *options):
        with pytest.raises(InputError, match=words) as raised:
            main([str(parent), "--target", str(target), "--output", str(tmp_path / "never"), *options])
        assert "\n" not in str(raised.value)
        assert not (tmp_path / "never").exists()

    reselect([str(release), "--policy", "grape", "--output", str(tmp_path / "grape")])
    refused(tmp_path / "grape", "is a selection of first: realign that, then choose again")
    warm = drawn_build(tmp_path / "warm", chat, target, TASKS, sampling=Sampling(candidates=4, temperature=0.6))
    refused(warm, r"was drawn at temperature 0\.6 and top_p 1, but engines score at temperature 1 alone")
    other = edited(release, tmp_path / "other", target__hashes__chat_template="0" * 64)
    refused(other, "has another chat template than the target that wrote .*other: .* build anew")
    asked = tmp_path / "asked.yaml"
    asked.write_text(yaml.safe_dump(target.model_dump(mode="json", exclude_none=True) | {"system_prompt": "Be brief."}))
    refused(release, "is not another checkpoint of what wrote .*: target.system_prompt: was None", asked)
    early = edited(release, tmp_path / "early", interim={"finished": 4, "unfinished": 1})
    refused(early, "is an interim release")
    refused(release, "--min-ess 1.5: must be at most 1", new, "--min-ess", "1.5")
    refused(release, "there is no folder ./nowhere", "./nowhere")


def test_a_dry_run_scores_each_stored_answer_once_and_draws_nothing(release, tmp_path, checkpoint, engine, capsys):
    command = [str(release), "--target", str(checkpoint("new")), "--output", str(tmp_path / "next"), *asking(engine)]
    assert main([*command, "--dry-run", "--min-ess", "0", "--max-log-ratio", "100"]) == 0
    said = capsys.readouterr().out
    assert "reused      2 of 2 solved rows could stay, by 8 scored answers" in said
    assert "to draw     8 candidates for 2 of 4 rows" in said
    assert (engine.sampled.total(), engine.scored.total()) == (0, 8)
    assert main([*command, "--dry-run", "--min-ess", "1"]) == 0
    assert "not reused  2 for --min-ess, 0 for --max-log-ratio" in capsys.readouterr().out
    assert engine.scored.total() == 8
    assert not (tmp_path / "next").exists()


KINDS = ("solvable", "retellable", "hopeless")


@pytest.fixture
def built(tmp_path, chat, build):
    source = write_source(tmp_path / "s.jsonl", [problem(KINDS[n % 3], n) for n in range(6)])
    with FakeEngine(chat, answer) as engine:
        build(source, tmp_path / "first", engine)
    return tmp_path / "first"


def asked_of(engine, kind):
    return sum(number for prompt, number in engine.sampled.items() if f"({kind})" in prompt)


@pytest.mark.slow
def test_what_stays_is_scored_and_all_else_is_drawn_anew(built, tmp_path, checkpoint, engine, capsys):
    engine.scored_logprob = engine.drawn_logprob - 0.01
    new = checkpoint("new")
    command = [str(built), "--target", str(new), *asking(engine)]
    main([*command, "--output", str(tmp_path / "next")])
    before, after = table(built), table(tmp_path / "next")
    assert after["id"].to_list() == before["id"].to_list()
    assert after["stage"].to_list() == before["stage"].to_list()
    kept = after["stage"] == "self_alignment"
    assert after.filter(kept)["completion"].to_list() == before.filter(kept)["completion"].to_list()
    assert set(after.filter(kept)["origin_revision"]) == {read_manifest(built)["target"]["revision"]}
    assert (
        after.filter(~kept)["origin_revision"].null_count() == after.filter(~kept)["reuse_log_ratio"].null_count() == 4
    )
    for row in after.filter(kept).to_dicts():
        assert row["reuse_log_ratio"] == pytest.approx(-0.01 * row["completion_tokens"], rel=1e-3)
        assert row["policy_logprob_per_token"] == pytest.approx(engine.scored_logprob)
    tokens = table(tmp_path / "next", "tokens").filter(kept)
    for column, each in (("behavior_logprobs", -0.5), ("policy_logprobs", -0.51)):
        assert tokens[column].explode().to_list() == pytest.approx([each] * tokens[column].list.len().sum())
    assert asked_of(engine, "solvable") == 0
    assert asked_of(engine, "hopeless") == 2 * 4 * 2
    manifest = read_manifest(tmp_path / "next")
    known = manifest["settings"]["realign"]
    assert known["parent"]["model_revision"] == read_manifest(built)["target"]["revision"]
    assert manifest["summary"]["reused"] == 2
    drawn = table(tmp_path / "next", "candidates")
    assert manifest["cost"]["sampled_tokens"] == drawn.filter(drawn["reuse_log_ratio"].is_null())["tokens"].sum()
    assert "2 of 6 rows keep an answer" in (tmp_path / "next" / "README.md").read_text().replace("\n", " ")

    sampled = engine.sampled.total()
    main([*command, "--output", str(tmp_path / "next")])
    assert "finished already" in capsys.readouterr().out
    main([*command, "--output", str(tmp_path / "next"), "--max-log-ratio", "0.005"])
    assert engine.sampled.total() == sampled + 2 * 4
    assert table(tmp_path / "next")["origin_revision"].null_count() == 6
    main([*command, "--output", str(tmp_path / "next")])
    assert table(tmp_path / "next").equals(after)
    assert engine.sampled.total() == sampled + 2 * 4


@pytest.mark.slow
def test_a_realigned_release_can_be_gone_on_from(built, tmp_path, checkpoint, engine):
    engine.scored_logprob = engine.drawn_logprob
    second, third = tmp_path / "second", tmp_path / "third"
    main([str(built), "--target", str(checkpoint("two")), "--output", str(second), *asking(engine)])
    reselect([str(second), "--policy", "random", "--output", str(tmp_path / "chosen")])
    reverify([str(second), "--output", str(tmp_path / "judged")])
    for again in ("chosen", "judged"):
        assert content(tmp_path / again, "default", "tokens") == content(second, "default", "tokens")
    first, drawn = read_manifest(built)["target"]["revision"], asked_of(engine, "retellable")
    main([str(second), "--target", str(checkpoint("three")), "--output", str(third), *asking(engine)])
    origins = table(third).filter(table(third)["stage"] == "self_alignment")["origin_revision"]
    assert set(origins) == {first}  # who drew it, and not who kept it in between
    assert asked_of(engine, "solvable") == 0
    assert asked_of(engine, "retellable") > drawn


@pytest.mark.slow
def test_some_rows_are_realigned_and_nothing_is_asked_for_others(built, tmp_path, checkpoint, engine):
    engine.scored_logprob = engine.drawn_logprob
    before = table(built)
    own = [str(built), "--target", "smollm2-135m-instruct", "--rows", "0:3", *asking(engine)]
    main([*own, "--output", str(tmp_path / "own")])
    assert (engine.sampled.total(), engine.scored.total()) == (0, 0)
    assert content(tmp_path / "own", "default") != content(built, "default")
    assert table(tmp_path / "own").equals(before[:3])
    new = [str(built), "--target", str(checkpoint("new")), *asking(engine)]
    main([*new, "--rows", "2:5", "--output", str(tmp_path / "next")])
    assert table(tmp_path / "next")["id"].to_list() == before["id"][2:5].to_list()
    assert table(tmp_path / "next", "candidates")["id"].unique().sort().to_list() == sorted(before["id"][2:5])
    assert "rows 2:5 of its parent" in (tmp_path / "next" / "README.md").read_text()
    for wrong, words in (
        ("6:9", "--rows 6:9: .*first has 6 rows"),
        ("5:2", "--rows: must be two numbers, the first the smaller one"),
    ):
        with pytest.raises(InputError, match=words):
            main([*new, "--rows", wrong, "--output", str(tmp_path / "never")])
