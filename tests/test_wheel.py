"""The wheel that users install: everything is in it, and its commands run where there is no checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("builder", "dataset_cards", "trainers")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
CARD = "import json, sys; from builder.release import card; print(card.render_card(json.load(sys.stdin)))"
PLACES = f"import json, {', '.join(PACKAGES)}; print(json.dumps([p.__path__[0] for p in ({', '.join(PACKAGES)})]))"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """What the wheel holds, built from a copy of the sources by the environment's own setuptools."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (folder / "source").mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / "source")
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / name, folder / "source" / name, ignore=ignored)
    built = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=folder / "source", capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("dprime-*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture
def run(unpacked, tmp_path):
    """Python in an empty directory; without `site`, nothing leads to the checkout that is installed here."""
    path = os.pathsep.join([str(unpacked), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (tmp_path / "empty").mkdir()

    def run(*arguments, **options):
        command = [sys.executable, "-S", *arguments]
        environment = os.environ | {"PYTHONPATH": path}
        done = subprocess.run(
            command, cwd=tmp_path / "empty", env=environment, capture_output=True, text=True, check=False, **options
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_holds_every_file_of_the_packages_and_nothing_else(unpacked):
    def files(root):
        found = (file.relative_to(root) for file in root.rglob("*") if file.is_file())
        return {file for file in found if "__pycache__" not in file.parts and file.parts[0] in PACKAGES}

    assert files(unpacked) == files(REPOSITORY)
    (metadata,) = (folder for folder in unpacked.iterdir() if folder.name not in PACKAGES)
    assert metadata.name.endswith(".dist-info")


def test_python_finds_nothing_but_the_wheel(run, unpacked):
    assert json.loads(run("-c", PLACES)) == [str(unpacked / name) for name in PACKAGES]


@pytest.mark.parametrize(
    "module", ["builder.build", "builder.publish", "builder.report", "trainers.dft", "trainers.study"]
)
def test_its_commands_explain_themselves(run, module):
    assert f"python -m {module}" in run("-m", module, "--help")


def test_it_has_the_shipped_targets(run):
    assert "meta-llama/Llama-3.1-8B-Instruct" in run("-m", "builder.build", "--list-targets")


def test_it_renders_a_card(run, first_release):
    card = run("-c", CARD, input=(first_release / "manifest.json").read_text())
    assert card.rstrip("\n") == (first_release / "README.md").read_text().rstrip("\n")


def test_it_renders_a_report(run, first_release, tmp_path):
    run("-m", "builder.report", str(first_release), "--output", str(tmp_path / "report.html"))
    assert "<style>" in (tmp_path / "report.html").read_text(encoding="utf-8")
