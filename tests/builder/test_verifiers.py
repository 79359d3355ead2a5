"""Builds by other verifiers than `math`, over an engine that answers at once: from the source to the release."""

import json

import polars as pl
import pytest

from builder.reverify import main as reverify
from scripts.standins.builds import table, write_source
from scripts.standins.fake_engine import FakeEngine
from tests.builder.verification.judge_server import RUBRIC, Judge, judge_file, response_in, told

GUIDED = "Here is a solution"
OPTIONS = ["Paris", "London", "Rome"]
EXPERT = "The Thames flows through this city, as everybody knows.\nAnswer: London"


def question(kind, gold="B", options=OPTIONS):
    return {"problem": f"({kind}) Which city?", "solution": EXPERT, "answer": gold, "options": options, "note": kind}


def answer(prompt, drawn_before):
    """`easy` is known, `told` only when guided; `hangs` makes its verifier hang; the rest is wrong."""
    if "easy" in prompt or ("told" in prompt and GUIDED in prompt):
        return f"Sample {drawn_before}: I think of a river.\nAnswer: {'B' if drawn_before % 2 == 0 else 'C'}"
    return "hang" if "hangs" in prompt else "Answer: A"


@pytest.fixture(scope="module")
def engine(chat):
    with FakeEngine(chat, answer) as running:
        yield running


@pytest.fixture(scope="module")
def chosen(tmp_path_factory, engine, build):
    """A build by `choice`."""
    folder = tmp_path_factory.mktemp("choice")
    rows = [
        question("easy"),
        question("told"),
        question("hard", "London"),
        question("odd", "3"),
        question("odd 2", "E"),
    ]
    source = write_source(folder / "cities.jsonl", rows)
    build(source, folder / "r", engine, "--verifier", "choice", "--metadata-fields", "options", "note")
    return folder / "r"


def by_kind(release, column):
    return {json.loads(row["metadata"])["note"]: row[column] for row in table(release).to_dicts()}


def test_every_row_ends_where_its_verifier_says(chosen):
    assert by_kind(chosen, "stage") == {
        "easy": "self_alignment", "told": "guided_alignment",
        "hard": "fallback", "odd": "fallback", "odd 2": "fallback",
    }  # fmt: skip
    assert by_kind(chosen, "fallback_reason")["odd"] == "unverifiable"
    assert by_kind(chosen, "expert_verdict") == {
        "easy": "correct", "told": "correct", "hard": "correct", "odd": None, "odd 2": None,
    }  # fmt: skip
    assert by_kind(chosen, "self_correct") == {"easy": 2, "told": 0, "hard": 0, "odd": 0, "odd 2": 0}
    assert json.loads(table(chosen)["metadata"][0]) == {"options": OPTIONS, "note": "easy"}


def test_the_release_says_who_judged_what_was_asked_and_which_rules_held(chosen):
    manifest = json.loads((chosen / "manifest.json").read_text())
    assert manifest["verifier"] == {
        "version": "choice 1", "deadline_seconds": 5.0, "plugin": "choice", "kind": "choice",
        "code": manifest["settings"]["verifier"]["code"],
    }  # fmt: skip
    assert len(manifest["verifier"]["code"]) == 64
    assert (manifest["rules"]["name"], manifest["rules"]["forbid_unreached"]) == ("default", False)
    assert "accept_answers" not in manifest["rules"]
    prompt = table(chosen)["prompt"][0][-1]["content"]
    assert prompt.endswith('end with a line that says "Answer: " and the letter of the right option.')
    card = (chosen / "README.md").read_text()
    assert "choice 1" in card
    assert "math" not in card.lower().replace("math-verify", "")


def test_another_verifier_judges_the_same_samples(chosen, tmp_path):
    arguments = ["--verifier", "exact", "--output", str(tmp_path / "exact")]
    reverify([str(chosen), *arguments])
    again = table(tmp_path / "exact")
    assert by_kind(tmp_path / "exact", "stage")["odd"] == "fallback"
    assert again["prompt"].to_list() == table(chosen)["prompt"].to_list()
    verdicts = table(tmp_path / "exact", "candidates").filter(pl.col("id") == again["id"][0])["verdict"]
    assert set(verdicts) == {"correct", "incorrect"}


def test_an_opinion_is_never_taken_for_a_check(tmp_path, engine, build):
    def opinion(body):
        word = "correct" if response_in(body).endswith("Answer: B") else "incorrect"
        return 200, f"Verdict {told(body)}: {word}", "stop"

    source, fields = write_source(tmp_path / "s.jsonl", [question("easy"), question("hard")]), ("options", "note")
    with Judge(opinion) as judge:
        plugin = judge_file(tmp_path, judge.url, kind="choice")
        build(source, tmp_path / "r", engine, "--verifier", plugin, "--metadata-fields", *fields)
    assert table(tmp_path / "r")["stage"].to_list() == ["self_alignment", "fallback"]
    assert table(tmp_path / "r")["judged_by"].to_list() == ["wise", "wise"]
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text())
    assert (manifest["verifier"]["judged_by"], manifest["verifier"]["rubric"]) == ("wise", RUBRIC)
    assert manifest["verifier"]["deadline_seconds"] == 120
    card = (tmp_path / "r" / "README.md").read_text()
    assert all(said in card for said in ("Nothing here is verified", RUBRIC, "| self_alignment (judged) |"))
    assert "verified correct" not in card
    assert str(tmp_path) not in card

    reverify([str(tmp_path / "r"), "--verifier", "choice", "--output", str(tmp_path / "checked")])
    assert table(tmp_path / "checked")["judged_by"].to_list() == [None, None]
    checked = (tmp_path / "checked" / "README.md").read_text()
    assert not any(said in checked for said in ("Nothing here is verified", RUBRIC, "(judged)"))


def test_a_plugin_that_hangs_costs_its_own_rows_only(tmp_path, engine, build):
    rows = [question("hangs", ""), question("easy", ""), question("told", "number")]
    plugin = "tests.builder.verification.plugins:Hostile"
    source = write_source(tmp_path / "s.jsonl", [row | {"solution": "fine"} for row in rows])
    more = ("--verifier-deadline", "0.5", "--drop-unverifiable")
    build(source, tmp_path / "r", engine, "--verifier", plugin, *more)
    candidates = table(tmp_path / "r", "candidates").with_columns(pl.col("id").str.slice(-1))
    found = {key: set(part["verdict"]) for (key,), part in candidates.group_by("id")}
    assert found == {"0": {"timeout"}, "1": {"correct"}}
    assert table(tmp_path / "r")["stage"].to_list() == ["fallback", "self_alignment"]
    rejected = table(tmp_path / "r", "rejected")
    assert rejected["reason"].to_list() == ["no_gold"]
    assert rejected["detail"].to_list() == ["verifier hostile failed on its gold answer"]
