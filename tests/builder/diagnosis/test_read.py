import numpy as np
import polars as pl
import pytest

from builder.building.write_release import write_release
from builder.diagnosis.read import expert_texts, seen
from builder.errors import InputError
from builder.release.open import open_release
from tests.finished_build import finished_build


@pytest.fixture
def build(tmp_path, chat, target):
    workspace = finished_build(tmp_path / "release", chat, target)
    write_release(tmp_path / "release", workspace, chat)
    return open_release(str(tmp_path / "release")), workspace


def test_the_experts_excess_is_what_the_release_says_token_by_token(build):
    release, _ = build
    texts = expert_texts(release)
    rows = release.scan("default").collect().to_dicts()
    assert [text.origin for text in texts] == [row["origin"] for row in rows]
    for text, row in zip(texts, rows, strict=True):
        assert len(text.excess) == row["expert_tokens"]
        assert text.excess.sum() == pytest.approx(row["expert_excess_surprisal"])
        assert np.all(np.diff(text.excess) > 0)  # made so
        assert text.bound == pytest.approx(0.01 * row["expert_tokens"])


def test_candidates_are_counted_by_row_and_phase(build):
    release, _ = build
    found = seen(release)
    assert (found.rows, list(found.own), list(found.retold)) == (3, [(1, 1)], [(1, 1)])
    assert found.own_tokens == found.retold_tokens > 0


def test_without_entropies_it_says_what_to_do(build):
    release, _ = build
    (file,) = release.files("expert")
    pl.read_parquet(file).with_columns(policy_entropies=None).write_parquet(file)
    with pytest.raises(InputError, match="lacks the policy's entropies"):
        expert_texts(release)
