"""Whole builds whose engine misbehaves, and whose user presses Ctrl-C: what is finished, what is kept, what is said."""

import itertools
import signal
import subprocess
import threading
import time
from contextlib import suppress

import psutil
import pytest

from builder import report
from builder.errors import InputError
from builder.journal.journal import Journal
from builder.method.selection import select
from builder.release.open import open_release
from scripts.standins.builds import answer, command, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine
from scripts.standins.fault_proxy import BENT, BROKEN, FaultProxy

pytestmark = pytest.mark.slow

PASSING = ("500", "503", *(fault for fault in BROKEN if fault != "hang"), *BENT)
KINDS = ("solvable", "retellable", "hopeless")


@pytest.fixture
def engine(chat):
    with FakeEngine(chat, answer) as running:
        yield running


@pytest.fixture
def source(tmp_path):
    return write_source(tmp_path / "s.jsonl", [problem(KINDS[n % 3], n) for n in range(18)])


def test_a_build_through_every_passing_fault_is_the_undisturbed_build(tmp_path, engine, source, build):
    faults = itertools.cycle(PASSING)
    with FaultProxy(engine.url, lambda number: next(faults), once=True) as proxy:
        build(source, tmp_path / "r", proxy, "--engine-patience", "3")
    assert proxy.requests > 2 * len(PASSING)  # every fault was met, and every request was sent twice
    rows = table(tmp_path / "r").to_dicts()
    assert [row["stage"] for row in rows] == ["self_alignment", "guided_alignment", "fallback"] * 6
    for row in rows:
        phase = row["stage"].split("_")[0]
        right = {"self": (0, 2), "guided": range(4), "fallback": ()}[phase]
        assert row["selected_index"] == select(0, row["id"], phase, right)
    tokens = table(tmp_path / "r", "tokens")
    assert set(tokens["policy_logprobs"].explode()) == {-0.5, -1.0}  # as the engine said them, spoiled ones never


def test_a_row_that_the_engine_refuses_costs_no_other_row(tmp_path, engine, chat, build):
    source = write_source(tmp_path / "s.jsonl", [problem("solvable", n) for n in range(12)] + [problem("poison")])
    engine.before = lambda request: 400 if "(poison)" in chat.prompt_text(request["prompt"]) else None
    done = build(source, tmp_path / "r", engine, check=False)
    assert done.returncode == 3
    assert "1 of 13 rows are unfinished (row s-0000012: engine at" in done.stderr
    assert "HTTP 400: injected fault" in done.stderr
    assert "--give-up-rows 1 leaves out what the engine refuses" in done.stderr
    with Journal(tmp_path / "r.work" / "journal.sqlite") as journal:
        assert journal.progress().rows == 12
    drawn = engine.sampled.total()
    finished = build(source, tmp_path / "r", engine, "--give-up-rows", "1")
    assert "given up: 1 rows that the engine refuses" in finished.stderr
    assert engine.sampled.total() == drawn
    assert len(table(tmp_path / "r")) == 12
    ((row_id, reason, detail),) = table(tmp_path / "r", "rejected")["id", "reason", "detail"].rows()
    assert (row_id, reason) == ("s-0000012", "engine_refused")
    assert "HTTP 400: injected fault" in detail


def test_more_refused_rows_than_end_a_session_are_given_up_too(tmp_path, engine, chat, build):
    kinds = [("poison", "solvable")[n % 5 == 4] for n in range(25)]
    source = write_source(tmp_path / "s.jsonl", [problem(kind, n) for n, kind in enumerate(kinds)])
    engine.before = lambda request: 400 if "(poison)" in chat.prompt_text(request["prompt"]) else None
    done = build(source, tmp_path / "r", engine, "--give-up-rows", "19", check=False)
    assert done.returncode == 3  # one too many
    build(source, tmp_path / "r", engine, "--give-up-rows", "20")
    assert len(table(tmp_path / "r")) == 5
    assert table(tmp_path / "r", "rejected")["reason"].to_list() == ["engine_refused"] * 20


def test_what_is_finished_can_be_released_before_the_rest_is(tmp_path, engine, chat, build):
    source = write_source(tmp_path / "s.jsonl", [problem("solvable", n) for n in range(12)] + [problem("poison")])
    early = build(source, tmp_path / "r", engine, "--release-now", check=False)
    assert early.returncode == 2
    assert "holds no build that has begun" in early.stderr
    engine.before = lambda request: 400 if "(poison)" in chat.prompt_text(request["prompt"]) else None
    build(source, tmp_path / "r", engine, check=False)
    asked = engine.asked
    build(source, tmp_path / "r", engine, "--release-now")
    assert engine.asked == asked
    assert not (tmp_path / "r").exists()
    interim = open_release(str(tmp_path / "r-interim"))
    assert interim.manifest["interim"] == {"finished": 12, "unfinished": 1}
    assert len(table(interim.path)) == 12
    refused = build(source, tmp_path / "r", engine, "--release-now", "--rules", "paper", check=False)
    assert "rules.accept_answers: was 'stated', is now 'trailing'" in refused.stderr
    engine.before = lambda request: None
    build(source, tmp_path / "r", engine)
    assert "interim" not in open_release(str(tmp_path / "r")).manifest
    finished = {row["id"]: row for row in table(tmp_path / "r").to_dicts()}
    assert all(finished[row["id"]] == row for row in table(interim.path).to_dicts())


def test_a_report_of_a_running_build_does_not_disturb_it(tmp_path, engine, chat, capsys):
    source = write_source(tmp_path / "s.jsonl", [problem("solvable", n) for n in range(12)] + [problem("poison")])
    looked = threading.Event()
    engine.before = lambda request: "(poison)" in chat.prompt_text(request["prompt"]) and looked.wait() and None
    with subprocess.Popen(command(source, tmp_path / "r", engine), stdout=subprocess.DEVNULL) as running:
        try:
            journal = tmp_path / "r.work" / "journal.sqlite"
            until(lambda: running.poll() is not None or (journal.exists() and finished(journal) == 12))
            assert report.main([str(tmp_path / "r.work")]) == 0
            assert "12 of 13 rows are finished (92.3 %)" in capsys.readouterr().out
            assert "12 of 13 rows" in (tmp_path / "r.work.report.html").read_text()
        finally:
            looked.set()
            code = running.wait()
    assert code == 0
    assert len(table(tmp_path / "r")) == 13


def finished(journal):
    """Rows that a running build has finished."""
    with suppress(InputError), Journal(journal, readonly=True) as reader:  # none before its tables are made
        return reader.progress().rows


def until(condition):
    while not condition():
        time.sleep(0.05)


def test_an_engine_that_goes_away_ends_the_build_with_one_line_and_all_that_was_finished(
    tmp_path, engine, source, build
):
    with FaultProxy(engine.url, lambda number: "reset" if number >= 9 else None) as proxy:
        done = build(source, tmp_path / "r", proxy, "--engine-patience", "0.2", check=False)
        assert done.returncode == 3
        assert done.stderr.count("error: ") == 1
        assert f"engine at {proxy.url} went away: " in done.stderr
        assert "everything finished is kept, the same command continues" in done.stderr
        assert "Traceback" not in done.stderr
        with Journal(tmp_path / "r.work" / "journal.sqlite") as journal:
            kept = journal.progress().candidates
        assert kept > 0
        proxy.plan = lambda number: None
        drawn = engine.sampled.total()
        build(source, tmp_path / "r", proxy)
    assert engine.sampled.total() - drawn == len(table(tmp_path / "r", "candidates")) - kept


# As a user types it, but what is under way is waited for until the end of time.
PATIENT = """
import runpy
from builder.building import supervisor
supervisor.DRAIN_SECONDS = 600
runpy.run_module("builder.build", run_name="__main__", alter_sys=True)
"""


def started(tmp_path, engine, source, seconds):
    """A build in the middle of its first two requests, answered so long after it was told to stop."""
    drain = tmp_path / "r.work" / "drain"

    def wait(_):
        while not drain.exists():
            time.sleep(0.02)
        time.sleep(seconds)

    engine.before = wait
    python, _, _, *arguments = command(source, tmp_path / "r", engine)
    running = subprocess.Popen(
        [python, "-c", PATIENT, *arguments, "--concurrency", "8"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while engine.asked < 2 and time.monotonic() < deadline:  # 8 sequences at once are two requests of 4
        time.sleep(0.02)
    return running, psutil.Process(running.pid).children(recursive=True)


def gone(children):
    """Whether all have ended, at most a few seconds later."""
    _, alive = psutil.wait_procs(children, timeout=20)
    return not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]


def test_interrupted_once_it_keeps_what_was_under_way_and_asks_for_nothing_new(tmp_path, engine, source):
    running, children = started(tmp_path, engine, source, seconds=2.0)  # steps look every half second
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "what the engine is answering may finish" in errors
    assert "everything finished is kept, the same command continues" in errors
    assert "Traceback" not in errors
    assert gone(children)
    with Journal(tmp_path / "r.work" / "journal.sqlite") as journal:
        assert journal.progress().candidates == engine.sampled.total() == 8


def test_interrupted_twice_it_stops_now(tmp_path, engine, source):
    running, children = started(tmp_path, engine, source, seconds=300.0)
    running.send_signal(signal.SIGTERM)
    while "what the engine" not in running.stderr.readline():
        pass
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=120)  # the first signal alone would wait for longer
    assert running.returncode == 130
    assert "the same command continues" in errors
    assert gone(children)
