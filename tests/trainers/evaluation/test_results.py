import pytest

from builder.building.workspace import Workspace
from builder.errors import InputError
from tests.killed import each_kill
from trainers.evaluation.results import SAMPLES, SAMPLES_FILE, open_run, read_run, write_run

SAMPLE = {
    "benchmark": "b", "id": "0", "index": 0, "problem": "p", "gold": "1", "text": "t", "answer": None,
    "verdict": "incorrect", "answer_form": None, "answer_class": -1, "finish_reason": "stop", "tokens": 1,
    "logprob": -1.0,
}  # fmt: skip


def written(folder, version):
    """Write an evaluation with as many samples as its version, as a command does that may follow a killed one."""
    workspace = Workspace.of(folder / "e")
    workspace.settle(folder / "e")
    write_run(workspace.replacement(folder / "e"), {"version": version}, [SAMPLE] * version)


def test_what_is_written_is_read(tmp_path):
    written(tmp_path, 3)
    found = open_run(tmp_path / "e")
    assert found.results["version"] == 3
    assert found.samples().to_dicts() == [SAMPLE] * 3
    assert found.samples().columns == [column.name for column in SAMPLES]


def test_an_evaluation_that_is_replaced_is_never_lost(tmp_path):
    *killed, _ = each_kill(tmp_path, lambda folder: written(folder, 2), lambda folder: written(folder, 1))
    versions = set()
    for folder in killed:
        Workspace.of(folder / "e").settle(folder / "e")
        found = open_run(folder / "e")
        assert len(found.samples()) == found.results["version"]
        versions.add(found.results["version"])
    assert versions == {1, 2}


def test_what_is_no_evaluation_is_refused(tmp_path):
    assert read_run(tmp_path / "absent") is None
    with pytest.raises(InputError, match="holds no finished evaluation"):
        open_run(tmp_path)
    (tmp_path / SAMPLES_FILE).touch()
    with pytest.raises(InputError, match="is not an evaluation; choose another --output"):
        read_run(tmp_path)
