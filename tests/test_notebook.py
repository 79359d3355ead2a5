"""The notebook of the documentation runs, in a real kernel, from top to bottom."""

import os
from pathlib import Path

import pytest

from builder.policy.models import cache_dir

nbclient = pytest.importorskip("nbclient", reason="pip install -e '.[dev]'")
nbformat = pytest.importorskip("nbformat", reason="pip install -e '.[dev]'")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs" / "python.ipynb"


def test_it_is_stored_without_outputs():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not [cell for cell in cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]


def shown(cell):
    """What stands below a cell, as text."""
    outputs = (output.get("text") or output.data["text/plain"] for output in cell.outputs)
    return "".join(outputs)


@pytest.mark.slow
def test_it_runs(tmp_path, smollm2, monkeypatch):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "models").symlink_to(cache_dir() / "models")
    monkeypatch.setenv("MIND_THE_GAP_CACHE", str(cache))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.insert(4, nbformat.from_dict(notebook.cells[3]))  # it is built already
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    _, built, again, table, texts, rejected, chosen, judged = (
        shown(cell) for cell in notebook.cells if cell.cell_type == "code"
    )
    assert "\r" in built.partition("Rows by stage")[0]
    assert "is finished already" in again
    assert "rows-0000003" in table
    assert "What is 7 + 5?" in texts
    assert "malformed" in rejected
    assert "rows.jsonl, line 5: field 'solution': missing" in rejected
    assert "release     " in chosen
    assert "--policy shortest: of 4 problems" in chosen
    assert judged == "['correct', 'incorrect']"
