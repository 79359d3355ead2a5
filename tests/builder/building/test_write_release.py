import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from builder.building import write_release as release
from builder.building.workspace import Runtime
from builder.building.write_release import release_so_far, write_interim, write_release
from builder.engines.protocol import Completion
from builder.errors import InputError, MindTheGapError, UnfinishedError
from builder.journal.journal import Journal
from builder.release import parquet
from builder.release.files import data_file
from builder.release.manifest import read_manifest
from builder.release.records import CONFIGS, schema
from tests.finished_build import EXPERT, finished_build


@pytest.fixture
def build(tmp_path, chat, target):
    """A finished build and the path of its release."""
    output = tmp_path / "release"
    return finished_build(output, chat, target), output


def test_every_config_loads_with_the_documented_types(build, chat):
    workspace, output = build
    write_release(output, workspace, chat)
    for name, columns in CONFIGS.items():
        loaded = load_dataset(str(output), name, split="train")
        assert loaded.features.arrow_schema.remove_metadata() == schema(columns), name
    assert load_dataset(str(output), split="train").column_names[0] == "id"  # `default` is the default


def test_the_manifest_and_the_card_name_every_engine_that_took_part(build, chat):
    workspace, output = build
    workspace.note_engine("vllm 0.32.0", "name only")
    write_release(output, workspace, chat)
    manifest = read_manifest(output)
    assert (manifest["engine"], manifest["engine_check"]) == ("transformers 5, vllm 0.32.0", "name only")
    assert "| engine | transformers 5, vllm 0.32.0 (name only) |" in (output / "README.md").read_text()


def test_default_and_tokens_agree(build, chat):
    workspace, output = build
    write_release(output, workspace, chat)
    rows = load_dataset(str(output), split="train").to_list()
    tokens = load_dataset(str(output), "tokens", split="train").to_list()
    assert [r["id"] for r in rows] == [t["id"] for t in tokens] == [f"made-up-{n}" for n in range(3)]
    assert [r["stage"] for r in rows] == ["self_alignment", "guided_alignment", "fallback"]
    assert [r["expert_index"] for r in rows] == [None, 1, None]
    for row, token in zip(rows, tokens, strict=True):
        assert len(token["policy_logprobs"]) == len(token["completion_ids"]) == row["completion_tokens"]
        assert token["completion_ids"][-1] == chat.end_of_turn_id
        assert chat.text(token["completion_ids"]) == row["completion"][0]["content"]
        assert token["prompt_ids"] == chat.plain_prompt(row["problem"])
        assert row["policy_logprob"] == pytest.approx(sum(token["policy_logprobs"]))
        assert row["excess_surprisal"] == pytest.approx(-row["policy_logprob"] - sum(token["policy_entropies"]))
        assert row["excess_surprisal_per_token"] * row["completion_tokens"] == pytest.approx(row["excess_surprisal"])
        assert row["expert_excess_surprisal"] == pytest.approx(-row["expert_logprob"] - 0.25 * row["expert_tokens"])
        assert row["entropy_bound"] == pytest.approx(0.01)
        assert row["policy_logprob_per_token"] * row["completion_tokens"] == pytest.approx(row["policy_logprob"])
    assert tokens[0]["behavior_logprobs"] == tokens[0]["policy_logprobs"]
    assert tokens[1]["behavior_logprobs"] != tokens[1]["policy_logprobs"]
    assert tokens[2]["behavior_logprobs"] is None
    drawn, policy = (sum(tokens[1][f"{name}_logprobs"]) for name in ("behavior", "policy"))
    assert rows[1]["hint_reliance"] == pytest.approx((drawn - policy) / rows[1]["completion_tokens"])
    assert (rows[0]["hint_reliance"], rows[2]["hint_reliance"]) == (None, None)
    assert rows[2]["completion"][0]["content"] == EXPERT
    assert (rows[2]["answer"], rows[2]["fallback_reason"], rows[2]["copy_rate"]) == (
        None,
        "unverifiable",
        1.0,
    )


def test_without_entropies_nothing_is_made_up(build, chat):
    workspace, output = build
    with Journal(workspace.journal_file) as journal:
        journal.put_outcomes(
            [
                replace(outcome, texts=replace(outcome.texts, entropies=None, expert_entropies=None))
                for outcome in list(journal.outcomes())
            ]
        )
    write_release(output, workspace, chat)
    (row, *_), (token, *_) = (load_dataset(str(output), name, split="train") for name in ("default", "tokens"))
    assert token["policy_entropies"] is None
    assert [row[name] for name in row if "surprisal" in name or name == "entropy_bound"] == [None] * 5
    assert "excess surprisal" not in (output / "README.md").read_text().split("## The policy gap")[1].split("## ")[0]


def test_manifest_is_last_and_names_every_file_with_its_hash(build, chat):
    import hashlib

    workspace, output = build
    returned = write_release(output, workspace, chat)
    manifest = read_manifest(output)
    assert manifest == returned
    on_disk = {f.relative_to(output).as_posix() for f in output.rglob("*") if f.is_file()}
    assert set(manifest["files"]) == on_disk - {"manifest.json"}
    for name, facts in manifest["files"].items():
        assert hashlib.sha256((output / name).read_bytes()).hexdigest() == facts["sha256"]
    assert manifest["summary"]["stages"] == {
        "self_alignment": 1,
        "guided_alignment": 1,
        "fallback": 1,
        "all": 3,
    }
    assert manifest["summary"]["rejected"] == {"duplicate": 1}
    assert manifest["cost"]["scored_tokens"] > 0


def test_a_missing_outcome_leaves_nothing_behind(build, chat):
    workspace, output = build
    forget(workspace, 1)
    with pytest.raises(UnfinishedError, match="made-up-1 has no outcome"):
        write_release(output, workspace, chat)
    assert not output.exists()


def test_log_probs_that_do_not_align_are_refused(build, chat):
    workspace, output = build
    with Journal(workspace.journal_file) as journal:
        wrong = chat.completion("It is \\boxed{1}")
        journal.put([(b"short", Completion(wrong, [-0.1] * (len(wrong) - 1), "stop"))])
        outcome = list(journal.outcomes())[1]
        journal.put_outcomes([replace(outcome, texts=replace(outcome.texts, behavior=b"short".hex()))])
    with pytest.raises(MindTheGapError, match="made-up-1: tokens and log-probs do not align"):
        write_release(output, workspace, chat)
    assert not output.exists()


def test_an_earlier_release_is_replaced_whole(build, chat):
    workspace, output = build
    output.mkdir()
    (output / "manifest.json").write_text("{}")
    (output / "stale.txt").write_text("old")
    write_release(output, workspace, chat)
    assert not (output / "stale.txt").exists()
    assert read_manifest(output)["summary"]["stages"]["all"] == 3


def test_a_rewritten_release_is_not_read_from_a_cache_of_the_old_one(build, chat):
    workspace, output = build
    write_release(output, workspace, chat)
    assert load_dataset(str(output), split="train")["fallback_reason"][2] == "unverifiable"
    with Journal(workspace.journal_file) as journal:
        outcome = list(journal.outcomes())[2]
        journal.put_outcomes([replace(outcome, decision=replace(outcome.decision, fallback_reason="no_room"))])
    write_release(output, workspace, chat)
    assert load_dataset(str(output), split="train")["fallback_reason"][2] == "no_room"


def test_the_card_declares_the_configs_and_shows_the_numbers(build, chat):
    import yaml

    workspace, output = build
    write_release(output, workspace, chat)
    card = (output / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert [c["config_name"] for c in front["configs"]] == list(CONFIGS)
    assert [c for c in front["configs"] if c.get("default")] == [front["configs"][0]]
    assert "| self_alignment | 1 | 33.3% |" in card
    assert "1 duplicate." in card


def test_the_card_shows_the_main_plots_that_lie_beside_it(build, chat):
    workspace, output = build
    manifest = write_release(output, workspace, chat)
    card = (output / "README.md").read_text()
    assert len(manifest["plots"]) == 4
    for plot in manifest["plots"]:
        assert (output / plot["file"]).read_text().startswith("<svg")
        assert plot["file"] in manifest["files"]
        assert f"![{plot['title']}]({plot['file']})" in card
        assert plot["caption"] in card


def test_batches_and_row_groups_leave_no_trace(build, chat, monkeypatch, tmp_path):
    workspace, output = build
    write_release(output, workspace, chat)
    whole = {name: pq.read_table(data_file(output, name)) for name in CONFIGS}
    monkeypatch.setattr(release, "BATCH", 2)
    monkeypatch.setattr(parquet, "_ROW_GROUP", 1)
    write_release(tmp_path / "again", workspace, chat)
    for name, table in whole.items():
        again = pq.ParquetFile(data_file(tmp_path / "again", name))
        assert again.read() == table, name
        assert again.num_row_groups == len(table), name


def test_an_answer_that_is_not_in_the_journal_is_one_clear_error(build, chat):
    workspace, output = build
    with Journal(workspace.journal_file) as journal:
        outcome = next(journal.outcomes())
        lost = replace(outcome.candidates["self"][0], key=b"lost".hex())
        journal.put_outcomes([replace(outcome, candidates=outcome.candidates | {"self": [lost]})])
    with pytest.raises(MindTheGapError, match=f"the journal lacks the answer {b'lost'.hex()}"):
        write_release(output, workspace, chat)
    assert not output.exists()


def forget(workspace, *rows):
    """Rows that have no outcome yet."""
    with closing(sqlite3.connect(workspace.journal_file, isolation_level=None)) as db:
        db.executemany("DELETE FROM outcomes WHERE row = ?", [(row,) for row in rows])


def test_a_row_that_was_given_up_is_rejected_with_what_the_engine_said(build, chat):
    workspace, output = build
    forget(workspace, 1)
    with Journal(workspace.journal_file) as journal:
        journal.refusals.add([(1, "made-up-1", "HTTP 400: too strange")])
        assert journal.refusals.give_up(1) == 1
    manifest = write_release(output, workspace, chat)
    assert manifest["summary"]["rejected"] == {"duplicate": 1, "engine_refused": 1}
    rejected = {row["id"]: row for row in load_dataset(str(output), "rejected", split="train")}
    assert rejected["made-up-1"] == {
        "id": "made-up-1",
        "source": "made-up",
        "origin": "cn_k12",
        "reason": "engine_refused",
        "detail": "HTTP 400: too strange",
        "problem": "What is 3 + 1?",
        "expert_solution": EXPERT,
    }
    kept = load_dataset(str(output), split="train")["id"]
    assert [*kept, *rejected] == ["made-up-0", "made-up-2", "made-up-9", "made-up-1"]  # each once


def test_an_interim_release_holds_what_is_finished_and_counts_the_rest(build, chat):
    workspace, output = build
    forget(workspace, 0, 2)
    interim = output.with_name("release-interim")
    manifest = write_interim(interim, workspace, chat)
    assert manifest["interim"] == {"finished": 1, "unfinished": 2}
    assert load_dataset(str(interim), split="train")["id"] == ["made-up-1"]
    card = (interim / "README.md").read_text()
    assert "interim" in card.split("\n# ")[1].splitlines()[0]
    assert "pretty_name: Mind the Gap, smollm2-135m-instruct, interim" in card
    assert "**This is an interim release: 2 of its 3 rows are not finished yet, and not in it.**" in card
    assert not output.exists()


def test_nothing_finished_is_no_interim_release(build, chat):
    workspace, output = build
    forget(workspace, 0, 1, 2)
    with pytest.raises(UnfinishedError, match=r"no row of .* is finished yet"):
        write_interim(output, workspace, chat)
    assert not output.exists()


@pytest.fixture
def begun(build, smollm2):
    """The working directory of a build whose engine was reached, with one row finished of three."""
    workspace, _ = build
    runtime = Runtime(model_dir=str(smollm2), engine_urls=[], engine_model="x", send_seed=True)
    workspace.runtime_file.write_text(runtime.model_dump_json())
    forget(workspace, 0, 2)
    return workspace.root


def test_what_is_finished_can_be_looked_at_and_nothing_is_left_of_that(begun):
    before = {file: file.read_bytes() for file in begun.rglob("*") if file.is_file()}
    with release_so_far(begun) as release:
        assert release.manifest["interim"] == {"finished": 1, "unfinished": 2}
        assert release.path.name == "release"
        assert load_dataset(str(release.path), split="train")["id"] == ["made-up-1"]
    assert not release.path.exists()
    # SQLite's own notes about who reads a journal are no part of it.
    after = {file: file.read_bytes() for file in begun.rglob("*") if file.suffix not in (".sqlite-shm", ".sqlite-wal")}
    assert after == before


def test_a_process_that_writes_to_the_journal_does_not_notice_that_it_is_read(begun, chat):
    written = begun / "written"
    script = """
import itertools, sys
from pathlib import Path
from builder.engines.protocol import Completion
from builder.journal.journal import Journal
with Journal(Path(sys.argv[1])) as journal:
    for n in itertools.count():
        journal.put([(b"other-%d" % n, Completion([n], [-1.0], "stop"))])
        Path(sys.argv[2]).write_text(str(n))
"""
    with subprocess.Popen([sys.executable, "-c", script, begun / "journal.sqlite", written]) as writer:
        try:
            while not (written.exists() and written.read_text()):
                assert writer.poll() is None
                time.sleep(0.01)
            first = int(written.read_text())
            with release_so_far(begun) as release:
                assert release.manifest["interim"] == {"finished": 1, "unfinished": 2}
            assert writer.poll() is None
        finally:
            writer.kill()
    with Journal(begun / "journal.sqlite") as journal:
        assert journal.get(b"other-%d" % first) is not None
        assert journal.progress().candidates > first + 1  # it went on meanwhile


def test_a_build_that_has_not_begun_cannot_be_looked_at(tmp_path, begun):
    for missing, error, said in (
        ("runtime.json", UnfinishedError, "no row of .* is finished yet"),
        ("journal.sqlite", InputError, "holds no build that has begun"),
    ):
        (begun / missing).unlink()
        with pytest.raises(error, match=said), release_so_far(begun):
            pass


def test_an_outcome_without_its_row_is_refused(build, chat):
    workspace, output = build
    with Journal(workspace.journal_file) as journal:
        stranger = replace(next(iter(journal.outcomes())), row=9, id="stranger")
        journal.put_outcomes([stranger])
    with pytest.raises(MindTheGapError, match="row stranger has an outcome but is not a row of the source"):
        write_release(output, workspace, chat)
