"""The whole flow against an engine that answers at once: what comes out of which problem, and what is asked for."""

import json
import time

import pytest

from builder.engines import TRUSTED
from scripts.standins.builds import EXPERT, answer, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine

pytestmark = pytest.mark.slow


@pytest.fixture
def engine(chat):
    with FakeEngine(chat, answer) as running:
        yield running


@pytest.fixture
def everything(tmp_path):
    return write_source(
        tmp_path / "mixed.jsonl",
        [
            problem("solvable"),
            problem("retellable"),
            problem("leaky"),
            problem("copied"),
            problem("endless"),
            problem("hopeless"),
            problem("proof", solution="Trivial by inspection. QED"),
            problem("solvable"),
            "{not json",
            problem("solvable", 1, solution="word " * 3000 + "\\boxed{4}"),
        ],
    )


def test_each_kind_of_problem_ends_where_it_should(tmp_path, engine, everything, build):
    build(everything, tmp_path / "r", engine)
    assert json.loads((tmp_path / "r" / "manifest.json").read_text())["engine_check"] == TRUSTED
    rows = {r["problem"].split(")")[0][1:]: r for r in table(tmp_path / "r").to_dicts()}
    found = {kind: (r["stage"], r["fallback_reason"]) for kind, r in rows.items()}
    assert found == {
        "solvable": ("self_alignment", None),
        "retellable": ("guided_alignment", None),
        "leaky": ("fallback", "no_acceptable_candidate"),
        "copied": ("fallback", "no_acceptable_candidate"),
        "endless": ("fallback", "no_acceptable_candidate"),
        "hopeless": ("fallback", "no_acceptable_candidate"),
        "proof": ("fallback", "unverifiable"),
    }
    assert (rows["solvable"]["self_sampled"], rows["solvable"]["self_correct"]) == (4, 2)
    assert rows["solvable"]["guided_sampled"] == 0
    assert rows["solvable"]["selected_index"] in (0, 2)
    assert rows["leaky"]["guided_correct"] == 4
    assert (rows["endless"]["self_correct"], rows["endless"]["guided_correct"]) == (0, 0)
    assert (rows["proof"]["self_sampled"], rows["proof"]["answer"]) == (0, None)
    assert rows["hopeless"]["completion"] == [{"role": "assistant", "content": EXPERT}]

    rejected = {r["id"]: r["reason"] for r in table(tmp_path / "r", "rejected").to_dicts()}
    assert sorted(rejected.values()) == ["duplicate", "malformed", "overlong"]
    ids = [r["id"] for r in rows.values()]
    assert len(ids) + len(rejected) == 10 == len(set(ids) | set(rejected))

    candidates = table(tmp_path / "r", "candidates")
    reasons = dict(candidates.group_by("rejected_reason").len().iter_rows())
    # 2 right of `solvable` and 4 retold ones may be kept.
    assert reasons == {
        None: 6,
        "not_correct": 2 + 4 + 4 + 4 + 8,
        "mentions_reference": 4,
        "copies_reference": 4,
        "truncated": 8,
    }


def test_rules_can_be_turned_off_and_unverifiable_rows_dropped(tmp_path, engine, everything, build):
    build(everything, tmp_path / "r", engine, "--allow-mentions", "--max-copy-rate", "off", "--drop-unverifiable")
    rows = {r["problem"].split(")")[0][1:]: r["stage"] for r in table(tmp_path / "r").to_dicts()}
    assert rows["leaky"] == rows["copied"] == "guided_alignment"
    assert "proof" not in rows
    reasons = table(tmp_path / "r", "rejected")["reason"].to_list()
    assert sorted(reasons) == ["duplicate", "malformed", "no_gold", "overlong"]


def test_a_finished_build_does_nothing_and_other_settings_are_refused(tmp_path, engine, build):
    source = write_source(tmp_path / "s.jsonl", [problem("solvable")])
    first = build(source, tmp_path / "r", engine)
    asked = engine.sampled.total(), engine.scored.total()
    again = build(source, tmp_path / "r", engine)
    assert "finished already" in again.stderr
    assert json.loads(again.stdout) == json.loads(first.stdout)
    refused = build(source, tmp_path / "r", engine, "--seed", "3", check=False)
    assert refused.returncode == 2
    assert "seed: was 0, is now 3" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (engine.sampled.total(), engine.scored.total()) == asked
    build(source, tmp_path / "r", engine, "--seed", "3", "--fresh")
    assert json.loads((tmp_path / "r" / "manifest.json").read_text())["seed"] == 3


def test_an_attached_server_that_is_too_small_is_refused(tmp_path, chat, build):
    source = write_source(tmp_path / "s.jsonl", [problem("solvable")])
    with FakeEngine(chat, answer, max_model_len=512) as engine:
        done = build(source, tmp_path / "r", engine, check=False)
    assert done.returncode == 3
    assert "512 tokens" in done.stderr


def test_an_output_that_is_not_ours_is_left_alone(tmp_path, engine, build):
    source = write_source(tmp_path / "s.jsonl", [problem("solvable")])
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "thesis.tex").write_text("years of work")
    for extra in ((), ("--fresh",)):
        done = build(source, tmp_path / "r", engine, *extra, check=False)
        assert done.returncode == 2
        assert "not a release" in done.stderr
    assert (tmp_path / "r" / "thesis.tex").read_text() == "years of work"


def test_resampled_rows_are_the_same_whatever_the_order_of_arrival(tmp_path, engine, build):
    rows = [problem("solvable", n) for n in range(9)]
    build(write_source(tmp_path / "a.jsonl", rows), tmp_path / "a", engine)
    engine.sampled.clear()
    delays = iter([0.1, 0.0] * 1000)
    engine.before = lambda request: time.sleep(next(delays))
    build(tmp_path / "a.jsonl", tmp_path / "b", engine, "--concurrency", "4")
    chosen = [table(tmp_path / name)["selected_index"].to_list() for name in "ab"]
    assert chosen[0] == chosen[1]


def test_adaptive_sampling_stops_at_the_first_that_may_be_kept(tmp_path, engine, everything, build):
    build(everything, tmp_path / "r", engine, "--sampling", "adaptive")
    rows = {r["problem"].split(")")[0][1:]: r for r in table(tmp_path / "r").to_dicts()}
    stages = {kind: r["stage"].split("_")[0] for kind, r in rows.items()}
    assert {kind for kind, stage in stages.items() if stage == "self"} == {"solvable"}
    assert {kind for kind, stage in stages.items() if stage == "guided"} == {"retellable"}
    drawn = {kind: (r["self_sampled"], r["guided_sampled"]) for kind, r in rows.items()}
    assert drawn == {
        "solvable": (1, 0),
        "retellable": (4, 1),
        "leaky": (4, 4),
        "copied": (4, 4),
        "endless": (4, 4),
        "hopeless": (4, 4),
        "proof": (0, 0),
    }
    candidates = table(tmp_path / "r", "candidates")
    assert len(candidates) == sum(map(sum, drawn.values())) == sum(engine.sampled.values())
    assert candidates["verdict"].is_in(["correct", "incorrect", "no_answer"]).all()
