import json
import subprocess
import sys

import pytest

from builder.building.workspace import Workspace
from builder.config import Rules, Sampling, Settings, SourceSpec
from builder.engines.protocol import Completion
from builder.errors import InputError
from builder.journal.journal import Journal
from builder.release.tiers import Change


@pytest.fixture
def settings(target):
    return Settings(
        target=target,
        model_revision="a" * 40,
        sources=[SourceSpec(name="gsm8k")],
        sampling=Sampling(),
        engine="transformers",
        prompt_hashes={},
        tool_version="0",
    )


def test_engines_of_all_sessions_are_kept_each_once(tmp_path):
    workspace = Workspace(tmp_path)
    assert (workspace.engines(), workspace.engine_checks()) == ([], [])
    for version, check in (("vllm 1", "name only"), ("vllm 2", "as before"), ("vllm 1", "as before")):
        workspace.note_engine(version, check)
    assert workspace.engines() == ["vllm 1", "vllm 2"]
    assert workspace.engine_checks() == ["name only", "as before"]


def test_it_stands_beside_the_release(tmp_path):
    assert Workspace.of(tmp_path / "r").root == tmp_path / "r.work"


def paid(workspace):
    """An engine has answered something."""
    with Journal(workspace.journal_file) as journal:
        journal.put([(b"k", Completion([1], [-0.5], "stop"))])


def test_the_same_settings_may_continue_and_those_of_other_samples_may_not(tmp_path, settings):
    workspace = Workspace.of(tmp_path / "r")
    with workspace.locked(fresh=False):
        assert workspace.claim(settings) is Change.NOTHING
        paid(workspace)
        assert workspace.claim(settings) is Change.NOTHING
        assert workspace.settings() == settings
        other = settings.model_copy(update={"seed": 7, "limit": 5})
        with pytest.raises(InputError, match=r"with other settings:\n  seed: was 0, is now 7\nchoose .*--fresh"):
            workspace.claim(other)
        assert workspace.settings() == settings


def test_until_an_engine_has_answered_nothing_binds_to_earlier_settings(tmp_path, settings):
    workspace, mended = Workspace.of(tmp_path / "r"), settings.model_copy(update={"seed": 3})
    with workspace.locked(fresh=False):
        workspace.claim(settings)
        Journal(workspace.journal_file).close()
        for left in (workspace.rows_file, workspace.probe_file, workspace.engine_file):
            left.touch()
        assert workspace.claim(mended) is Change.OTHER_SAMPLES
        assert {entry.name for entry in workspace.root.iterdir()} == {"lock", "settings.json"}
        assert workspace.settings() == mended


def test_a_journal_that_cannot_be_read_may_hold_samples(tmp_path, settings):
    workspace = Workspace.of(tmp_path / "r")
    with workspace.locked(fresh=False):
        workspace.claim(settings)
        workspace.journal_file.write_text("damaged " * 1000)
        with pytest.raises(InputError, match="seed: was 0, is now 3"):
            workspace.claim(settings.model_copy(update={"seed": 3}))


def test_other_judgement_keeps_the_samples_and_prepares_the_rows_again(tmp_path, settings):
    workspace = Workspace.of(tmp_path / "r")
    paper = settings.model_copy(update={"rules": Rules.named("paper"), "tool_version": "1", "limit": 9})
    with workspace.locked(fresh=False):
        workspace.claim(settings)
        paid(workspace)
        workspace.rows_file.touch()
        assert workspace.claim(paper) is Change.JUDGED_AGAIN
        assert not workspace.rows_file.exists()
        assert workspace.settings() == paper
        with pytest.raises(InputError, match="seed: was 0, is now 7"):  # though no rows are prepared
            workspace.claim(settings.model_copy(update={"seed": 7}))


def test_what_a_build_runs_on_changes_nothing_but_the_note(tmp_path, settings):
    workspace = Workspace.of(tmp_path / "r")
    elsewhere = settings.model_copy(
        update={"engine": "vllm", "target": settings.target.model_copy(update={"vllm_args": ["--max-num-seqs", "8"]})}
    )
    with workspace.locked(fresh=False):
        workspace.claim(settings)
        paid(workspace)
        workspace.rows_file.touch()
        assert workspace.claim(elsewhere) is Change.RUNS_ELSEWHERE
        assert workspace.rows_file.exists()
        assert workspace.settings() == elsewhere


def test_a_release_is_gone_on_with_where_its_samples_are_here(tmp_path, settings):
    workspace, earlier = Workspace.of(tmp_path / "r"), settings.model_dump(mode="json")
    changes = {"limit": 5}, {"engine": "vllm"}, {"target": settings.target.model_copy(update={"license": "mit"})}
    more, elsewhere, renamed = (settings.model_copy(update=change) for change in changes)

    def goes_on(now):
        return workspace.goes_on(now, earlier, tmp_path / "r")

    assert not any(map(goes_on, (settings, elsewhere, renamed)))
    with pytest.raises(InputError, match="limit: was None, is now 5"):
        goes_on(more)
    workspace.root.mkdir()
    paid(workspace)
    assert [goes_on(now) for now in (settings, elsewhere, renamed, more)] == [False, False, True, True]
    with pytest.raises(InputError, match="seed: was 0, is now 7"):
        goes_on(settings.model_copy(update={"seed": 7}))


def test_fresh_forgets_everything(tmp_path, settings):
    workspace = Workspace.of(tmp_path / "r")
    with workspace.locked(fresh=False):
        workspace.claim(settings)
        (workspace.root / "scratch").mkdir()
    with workspace.locked(fresh=True):
        assert {entry.name for entry in workspace.root.iterdir()} == {"lock"}


def test_a_second_build_is_refused_and_fresh_does_not_harm_the_first(tmp_path, settings):
    workspace = Workspace.of(tmp_path / "r")
    with workspace.locked(fresh=False):
        workspace.claim(settings)
        code = (
            "import sys; from pathlib import Path; from builder.building.workspace import Workspace\n"
            f"with Workspace(Path({json.dumps(str(workspace.root))})).locked(fresh=True): pass"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "another build is using" in done.stderr
        assert workspace.settings() == settings


def test_the_lock_ends_with_its_holder(tmp_path):
    workspace = Workspace.of(tmp_path / "r")
    for _ in range(2):
        with workspace.locked(fresh=False):
            pass
