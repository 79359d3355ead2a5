"""The rooms are those of docs/architecture.md, and what may not stand in a room does not."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_ROOMS = 15  # of builder/
SHARED = {"__init__", "__main__", "api", "arguments", "errors", "hub"}  # what is neither a room nor a command


def imports(folder: str) -> dict[Path, set[str]]:
    """The modules that each file of a folder imports, at any depth."""
    found = {}
    for file in (ROOT / folder).rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
        found[file.relative_to(ROOT)] = names
    return found


def importers(folder: str, *modules: str) -> set[str]:
    """The files of a folder that import one of these modules, or something in them."""
    pattern = re.compile(rf"(?:{'|'.join(map(re.escape, modules))})(?:\.|$)")
    return {str(file) for file, names in imports(folder).items() if any(map(pattern.match, names))}


def test_the_page_shows_every_room():
    shown = re.search(r"```\nbuilder/\n(.*?)^trainers/", (ROOT / "docs/architecture.md").read_text(), re.M | re.S)[1]
    rooms = {path.parent.name for path in (ROOT / "builder").glob("*/__init__.py")}
    assert set(re.findall(r"^  (\w+)/", shown, re.M)) == rooms
    assert len(rooms) <= MOST_ROOMS
    commands = {file.stem for file in (ROOT / "builder").glob("*.py")} - SHARED
    named = set(re.findall(r"\w+", "".join(line for line in shown.splitlines(True) if "command each" in line)))
    assert commands - {"pipeline"} <= named


def test_the_page_shows_every_room_of_the_trainers():
    shown = re.search(r"\ntrainers/\n(.*?)^scripts/", (ROOT / "docs/architecture.md").read_text(), re.M | re.S)[1]
    rooms = {path.parent.name for path in (ROOT / "trainers").glob("*/__init__.py")}
    assert set(re.findall(r"^  (\w+)/", shown, re.M)) == rooms


def test_data_knows_no_model_and_no_model_knows_a_run():
    assert not importers("trainers/data", "trainers.model", "trainers.training", "trainers.losses")
    assert not importers("trainers/model", "trainers.training", "trainers.losses")
    assert not importers("trainers/training", "trainers.evaluation")
    assert {file for file in importers("trainers", "trainers.study") if "/study/" not in file} == {"trainers/online.py"}


def test_every_room_says_what_it_is_for():
    for file in [*(ROOT / "builder").glob("*/__init__.py"), *(ROOT / "trainers").glob("*/__init__.py")]:
        purpose = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        assert "nothing" in purpose.lower() or "what " in purpose.lower(), file


def test_distilabel_stays_behind_one_door():
    assert all("/steps/" in file for file in importers("builder", "distilabel"))
    assert not importers("trainers", "distilabel")


def test_what_is_pure_knows_no_files_engines_or_pipelines():
    for room in ("texts", "method"):
        worldly = ("distilabel", "builder.engines", "builder.journal", "builder.building", "builder.steps", "aiohttp")
        assert not importers(f"builder/{room}", *worldly), room


def test_a_finished_release_does_not_know_how_it_was_built():
    for room in ("release", "reporting", "publishing", "diagnosis"):
        assert not importers(f"builder/{room}", "builder.building", "builder.journal", "builder.steps"), room


def test_no_room_knows_who_uses_it():
    assert not importers("builder/release", "builder.reporting", "builder.publishing")
    rooms = ("sources", "engines", "journal", "release", "reporting", "verification")
    assert not importers("builder/config", *(f"builder.{room}" for room in rooms))


def test_nothing_that_is_shipped_imports_tests():
    for folder in ("builder", "trainers", "scripts"):
        assert not importers(folder, "tests"), folder
    assert not importers("builder", "trainers", "scripts")
    assert not importers("trainers", "scripts")
