"""Killed before any step that touches the disk, a writer leaves the old or the new, whole."""

import os
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from builder.machine.atomic import Replacement, new_directory, new_file, write_atomically
from tests.killed import each_kill

FILES = {"a.txt": "a", "folder/b.txt": "b" * 100_000}


def fill(folder: Path, version: str) -> None:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(version + text)


def content(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def of(version: str) -> dict[str, str]:
    return {name: version + text for name, text in FILES.items()}


@pytest.mark.parametrize("shared", [False, True])
def test_a_killed_writer_of_a_file_leaves_the_old_or_the_new(tmp_path, shared):
    old, new = "old" * 100_000, "new" * 100_000

    def act(folder):
        with new_file(folder / "f", shared=shared) as scratch, scratch.open("w") as file:
            for letter in new:
                file.write(letter)

    *killed, finished = each_kill(tmp_path, act, lambda folder: (folder / "f").write_text(old))
    assert len(killed) > 2
    assert {(folder / "f").read_text() for folder in killed} == {old, new}
    assert (finished / "f").read_text() == new
    assert os.listdir(finished) == ["f"]


def test_the_next_attempt_at_a_file_leaves_nothing_of_the_killed_one(tmp_path):
    *killed, _ = each_kill(tmp_path, lambda folder: write_atomically(folder / "f", "first" * 1000))
    for folder in killed:
        write_atomically(folder / "f", "second")
        assert {path.name: path.read_text() for path in folder.iterdir()} == {"f": "second"}


def test_a_killed_writer_of_a_directory_leaves_it_whole_or_not_at_all(tmp_path):
    def act(folder):
        with new_directory(folder / "made" / "d") as scratch:
            fill(scratch, "new")

    *killed, finished = each_kill(tmp_path, act)
    assert len(killed) > 6
    for folder in killed:
        assert not (folder / "made" / "d").exists() or content(folder / "made" / "d") == of("new")
    assert content(finished / "made" / "d") == of("new")
    assert os.listdir(finished / "made") == ["d"]


def replace(folder: Path, version: str) -> None:
    replacement = Replacement(folder / "d", folder / "work" / "result")
    replacement.settle()
    with replacement.filled() as scratch:
        fill(scratch, version)


@pytest.mark.parametrize("earlier", [True, False], ids=["replaced", "first"])
def test_a_killed_replacement_leaves_the_old_or_the_new_and_the_next_one_finishes(tmp_path, earlier):
    def before(folder):
        if earlier:
            (folder / "d").mkdir()
            fill(folder / "d", "old")

    *killed, finished = each_kill(tmp_path, lambda folder: replace(folder, "new"), before)
    seen = set()
    for folder in killed:
        replacement = Replacement(folder / "d", folder / "work" / "result")
        cut_short = replacement.is_cut_short()
        replacement.settle()
        found = content(folder / "d")  # empty if there is no such directory
        assert found == of("new") or found == (of("old") if earlier else {})
        seen.add((found.get("a.txt"), cut_short))
        replace(folder, "newer")
        assert content(folder / "d") == of("newer")
        assert os.listdir(folder / "work") == []
    assert seen == {("olda" if earlier else None, False), ("newa", True), ("newa", False)}
    assert content(finished / "d") == of("new")


def half_way(block: AbstractContextManager[Path]) -> None:
    with block as scratch:
        (scratch / "a" if scratch.is_dir() else scratch).write_text("half")
        raise RuntimeError("half way")


def test_a_block_that_raises_changes_nothing(tmp_path):
    (tmp_path / "f").write_text("old")
    for block in (
        new_file(tmp_path / "f"),
        new_file(tmp_path / "f", shared=True),
        new_directory(tmp_path / "d"),
        Replacement(tmp_path / "e", tmp_path / "result").filled(),
    ):
        with pytest.raises(RuntimeError, match="half way"):
            half_way(block)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"f": "old"}


def test_a_directory_does_not_replace_another(tmp_path):
    (tmp_path / "d").mkdir()
    fill(tmp_path / "d", "old")
    with pytest.raises(OSError, match="not empty"), new_directory(tmp_path / "d") as scratch:
        fill(scratch, "new")
    assert content(tmp_path / "d") == of("old")
    assert os.listdir(tmp_path) == ["d"]


def test_many_writers_of_a_shared_file_do_not_disturb_each_other(tmp_path):
    errors = []

    def write(letter: str) -> None:
        try:
            for _ in range(20):
                with new_file(tmp_path / "f", shared=True) as scratch:
                    scratch.write_text(letter * 10_000)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert (tmp_path / "f").read_text() in {letter * 10_000 for letter in "abcd"}
    assert os.listdir(tmp_path) == ["f"]
