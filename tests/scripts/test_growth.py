import subprocess
import sys

import polars as pl
import pytest

from builder.building.prepare import prepare
from builder.building.workspace import Workspace
from builder.building.write_release import write_release
from builder.journal.journal import Journal
from scripts.bench import growth
from scripts.bench.growth import fitted
from scripts.bench.measured import measure
from scripts.standins import synthetic_build

HOLDS = "import time; held = bytearray(%d); held[::4096] = b'x' * len(held[::4096]); time.sleep(1)"


def test_a_command_is_measured_with_its_children():
    child = HOLDS % 150_000_000
    usage = measure(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"]
    )
    assert usage.own_bytes < 100_000_000 < 150_000_000 < usage.tree_bytes
    assert usage.seconds >= 1


def test_a_command_that_fails_is_an_error():
    with pytest.raises(subprocess.CalledProcessError):
        measure([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_straight_line_is_extrapolated_exactly():
    assert fitted([1_000, 2_000, 5_000], [3.0, 5.0, 11.0]) == (pytest.approx(1 + 2 * 860), pytest.approx(1.0))
    assert fitted([1_000, 2_000, 3_000], [1.0, 4.0, 9.0])[1] < 0.99


@pytest.mark.slow
def test_a_made_up_build_is_a_build(tmp_path, chat):
    synthetic_build.write_source(tmp_path / "source.parquet", 60, chat)
    workspace = Workspace.of(tmp_path / "release")
    with workspace.locked(fresh=True):
        workspace.claim(synthetic_build.settings(tmp_path / "source.parquet"))
        rows = prepare(workspace.settings(), chat, workspace)
    synthetic_build.fill_journal(workspace, chat)
    summary = write_release(tmp_path / "release", workspace, chat)["summary"]
    assert summary["stages"]["all"] == rows == 60
    assert all(summary["stages"].values())
    with Journal(workspace.journal_file) as journal:
        assert journal.progress().candidates == summary["candidates"] >= 600
    tokens = pl.read_parquet(tmp_path / "release" / "data" / "candidates" / "*.parquet")["tokens"]
    assert tokens.mean() == pytest.approx(400, rel=0.05)
    assert growth._bytes(tmp_path / "release") > 1_000 * summary["candidates"]
