import json
import os
import subprocess
import sys

import polars as pl
import pytest

from builder.errors import InputError
from builder.release.open import open_release
from tests.hub_standin import HubStandIn

MANIFEST = {"settings": {}, "fingerprint": "f", "summary": {}}


@pytest.fixture
def directory(tmp_path):
    for config, values in {"default": ["a", "b"], "tokens": ["a"], "candidates": ["c"]}.items():
        folder = tmp_path / "release" / "data" / config
        folder.mkdir(parents=True)
        pl.DataFrame({"id": values}).write_parquet(folder / "train-00000.parquet")
    (tmp_path / "release" / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "release" / "README.md").write_text("---\n---\n")
    return tmp_path / "release"


def test_a_directory_is_read_as_it_stands(directory):
    release = open_release(str(directory))
    assert (release.path, release.revision, release.manifest) == (directory, None, MANIFEST)
    assert release.scan("default").collect()["id"].to_list() == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "revision", "message"),
    [
        ("no such thing", None, "neither a directory nor a dataset repository"),
        ("a/b@v1", "v2", "two versions of a/b are asked for: v1 and v2"),
        ("tests", None, "is not a release of this tool"),
        ("tests", "v1", "a revision does not apply"),
    ],
)
def test_what_is_no_release_is_refused_in_one_line(name, revision, message):
    with pytest.raises(InputError, match=message):
        open_release(name, revision)


def test_a_missing_config_is_named(directory):
    with pytest.raises(InputError, match="no files of config 'rejected'"):
        open_release(str(directory)).scan("rejected")


def test_from_the_hub_only_the_wanted_configs_come_at_the_wanted_version(directory, tmp_path):
    code = """
import json, sys
from builder.release.open import open_release
release = open_release("me/d@v1", configs=("tokens",))
rows = release.scan("tokens").collect()["id"].to_list()
print(json.dumps([release.name, release.revision, rows, (release.path / "data" / "candidates").exists()]))
"""
    with HubStandIn() as hub:
        sha = hub.commit("me/d", directory, tag="v1")
        pl.DataFrame({"id": ["later"]}).write_parquet(directory / "data" / "tokens" / "train-00000.parquet")
        hub.commit("me/d", directory)
        environment = os.environ | hub.environment(tmp_path / "home")
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["me/d@v1", sha, ["a"], False]
