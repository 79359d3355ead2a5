import json
import subprocess
import sys

import pytest

from builder.building.workspace import Workspace
from builder.config import Rules, Sampling, Settings, SourceSpec
from builder.errors import InputError


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


def test_the_same_settings_may_continue_and_others_may_not(tmp_path, settings):
    workspace = Workspace.of(tmp_path / "r")
    with workspace.locked(fresh=False):
        workspace.claim(settings.model_copy(update={"seed": 3}))  # of which nothing came
        workspace.claim(settings)
        workspace.rows_file.touch()
        workspace.claim(settings)
        assert workspace.settings() == settings
        with pytest.raises(InputError, match=r"seed: was 0, is now 7[\s\S]*--fresh"):
            workspace.claim(settings.model_copy(update={"seed": 7}))


def test_other_rules_keep_the_samples_and_prepare_the_rows_again(tmp_path, settings):
    workspace = Workspace.of(tmp_path / "r")
    paper = settings.model_copy(update={"rules": Rules.named("paper"), "tool_version": "1"})
    with workspace.locked(fresh=False):
        assert not workspace.claim(settings)
        workspace.rows_file.touch()
        assert workspace.claim(paper)
        assert not workspace.rows_file.exists()
        assert workspace.settings() == paper
        workspace.rows_file.touch()
        with pytest.raises(InputError, match="seed: was 0, is now 7"):
            workspace.claim(settings.model_copy(update={"seed": 7}))


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
