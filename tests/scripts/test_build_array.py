"""The job script for Slurm, with a stand-in for sbatch that notes what it was asked and runs nothing."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "slurm" / "build_array.sbatch"


@pytest.fixture
def run(tmp_path):
    """Runs the script in an empty directory; returns how it ended and what its `sbatch` and `python` were told."""
    noted = tmp_path / "noted"
    for name, job in (("sbatch", "echo 4711"), ("python", "")):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/bash\nprintf "%q " {name} "$@" >> {noted}; echo >> {noted}\n{job}\n')
        program.chmod(0o755)

    def run(*arguments, **environment):
        noted.write_text("")
        environment = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"} | environment
        command = ["bash", str(SCRIPT), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done, [shlex.split(line) for line in noted.read_text().splitlines()]

    return run


def test_the_syntax():
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)


def test_it_submits_an_array_and_a_merge_that_waits_for_all_of_it(run, tmp_path):
    done, (array, merging) = run("out/my d", "--shards", "3", "--", "--target", "t", "--source", "a b.jsonl")
    assert done.returncode == 0, done.stderr
    assert "array job 4711: shards 1 to 3" in done.stdout
    assert "--array=1-3" in array
    assert array[array.index(str(SCRIPT)) :] == [str(SCRIPT), "out/my d", "3", "--target", "t", "--source", "a b.jsonl"]
    assert "--dependency=afterok:4711" in merging
    (wrapped,) = (a.removeprefix("--wrap=") for a in merging if a.startswith("--wrap="))
    shards = [f"out/my d-shard-{n}-of-3" for n in (1, 2, 3)]
    assert shlex.split(wrapped) == ["python", "-m", "builder.merge", *shards, "--output", "out/my d"]
    assert (tmp_path / "out").is_dir()  # sbatch does not make the directory of its log


def test_a_task_builds_its_shard(run):
    _, told = run("out/my d", "3", "--target", "t", "--source", "a b.jsonl", SLURM_ARRAY_TASK_ID="2")
    assert told == [
        ["python", "-m", "builder.build", "--target", "t", "--source", "a b.jsonl", "--shard", "2/3", "--output",
         "out/my d-shard-2-of-3"]
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [[], ["out", "--shards", "0", "--", "--target", "t"], ["out", "--target", "t"]])
def test_anything_else_is_told_the_usage_and_submits_nothing(run, arguments):
    done, told = run(*arguments)
    assert done.returncode == 2
    assert "usage: bash" in done.stderr
    assert told == []
