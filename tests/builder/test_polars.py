"""What docs/publishing.md shows to users of Polars, run as it stands there."""

import re
from pathlib import Path

import polars as pl
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs" / "publishing.md"


@pytest.fixture
def shown(first_release):
    """The names that the Polars examples leave behind."""
    section = DOCS.read_text().split("## With Polars")[1].split("\n## ")[0]
    blocks = re.findall(r"^```python\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)
    names = {}
    for block in blocks[:2]:
        exec(block.replace("releases/demo", str(first_release)), names)
    return names


def test_which_sources_fall_back_most(shown):
    assert shown["by_source"].to_dicts() == [
        {"source": "made-up", "rows": 3, "fallback": pytest.approx(1 / 3), "pass rate": 1.0,
         "log-prob per token": pytest.approx((-0.25 - 2.5 - 3) / 3)},
    ]  # fmt: skip


def test_why_candidates_of_fallback_rows_were_not_kept(shown):
    assert shown["why"].schema == {"phase": pl.String, "rejected_reason": pl.String, "candidates": pl.get_index_type()}
    assert len(shown["why"]) == 0  # the one row that fell back had no candidates
