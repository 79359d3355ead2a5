"""Builds in places that are full, read-only or half renamed, and on files that a disk has damaged."""

import json
import os
import shutil
import subprocess

import pytest

from builder.building.workspace import Workspace
from builder.errors import InputError
from scripts.standins.builds import answer, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine


@pytest.fixture
def engine(chat):
    with FakeEngine(chat, answer) as running:
        yield running


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, nearly full; `remount(options)` changes it."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", place], check=False).returncode:
        pytest.skip("mounting a file system needs the rights of root")

    def remount(options):
        subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)

    yield place, remount
    subprocess.run(["umount", "-l", place], check=True)


def one_line(done):
    assert done.returncode in (2, 3), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1
    return done.stderr.rpartition("error: ")[2]


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_with_room_the_build_goes_on_and_damage_is_mended(
    tmp_path, engine, small_disk, build
):
    place, remount = small_disk
    source = write_source(tmp_path / "s.jsonl", [problem("hopeless", n) for n in range(60)])
    said = one_line(build(source, place / "r", engine, check=False))
    assert "disk is full" in said or "No space left on device" in said
    assert not (place / "r").exists()
    remount("size=50m")
    build(source, place / "r", engine)
    rows = table(place / "r").select("id", "stage")
    assert len(rows) == 60

    # Then the disk damages what it holds: the prepared rows, and the outcome of one row in the journal.
    shutil.rmtree(place / "r")
    work, asked = place / "r.work", engine.sampled.total()
    (work / "rows.parquet").write_bytes((work / "rows.parquet").read_bytes()[:-100])
    journal = (work / "journal.sqlite").read_bytes()
    (work / "journal.sqlite").write_bytes(journal.replace(b'"stage": "fallback', b'"stage": "fellback', 1))
    assert "the journal was damaged on disk" in build(source, place / "r", engine).stderr
    assert table(place / "r").select("id", "stage").equals(rows)
    assert engine.sampled.total() == asked  # the row's outcome was lost, its candidates were not


@pytest.mark.slow
def test_a_read_only_place_is_one_line(tmp_path, engine, small_disk, build):
    place, remount = small_disk
    remount("ro")
    source = write_source(tmp_path / "s.jsonl", [problem("solvable")])
    assert "cannot write to" in one_line(build(source, place / "r", engine, check=False))


def test_damaged_settings_are_one_line(tmp_path, target):
    workspace = Workspace.of(tmp_path / "r")
    workspace.root.mkdir()
    workspace.settings_file.write_text('{"target": ')
    workspace.rows_file.touch()
    with pytest.raises(InputError, match=r"settings.json is damaged; restore it, or start over with --fresh"):
        workspace.claim(None)


def test_a_swap_that_a_kill_cut_in_two_is_completed(tmp_path):
    output = tmp_path / "r"
    workspace = Workspace.of(output)
    for name in ("old", "new"):
        (workspace.root / f"result.{name}").mkdir(parents=True)
        (workspace.root / f"result.{name}" / "manifest.json").write_text(json.dumps({"release": name}))
    with workspace.locked(fresh=False), pytest.raises(InputError, match="another build is using"):
        workspace.settle(output)
    for _ in range(2):
        workspace.settle(output)
        assert json.loads((output / "manifest.json").read_text()) == {"release": "new"}
        assert os.listdir(workspace.root) == ["lock"]
    assert os.listdir(output) == ["manifest.json"]


def test_an_unfinished_release_is_never_swapped_in(tmp_path):
    output = tmp_path / "r"
    workspace = Workspace.of(output)
    for name in ("old", "tmp"):  # as a kill in the next build leaves them, if somebody removes the release by hand
        (workspace.root / f"result.{name}").mkdir(parents=True)
    workspace.settle(output)
    assert not output.exists()
