import json
import subprocess
import sys

import polars as pl
import pytest

from builder.diff import main
from builder.release.comparison import compare_releases, smallest_bump
from builder.release.open import open_release
from tests.finished_build import altered


@pytest.fixture
def first(first_release):
    return open_release(str(first_release))


def test_another_seed(first_release, second_release, first):
    found = compare_releases(first, open_release(str(second_release)))
    assert found.rows == {"before": 3, "after": 3, "common": 3, "added": 0, "removed": 0}
    assert (found.moved, found.rewritten) == ([], ["made-up-0", "made-up-1"])
    assert found.settings == ["seed: was 0, is now 1"]
    assert (found.schema, found.bump, found.same_policy) == ([], "minor", True)
    rows = [pl.read_parquet(release / "data/default/*.parquet") for release in (first_release, second_release)]
    for stage, values in found.logprobs.items():
        old, new = (r if stage == "all" else r.filter(pl.col("stage") == stage) for r in rows)
        assert values["rows"] == len(new)
        assert values["sum"]["shift"] == pytest.approx(new["policy_logprob"].mean() - old["policy_logprob"].mean())
        assert values["per_token"]["after"] == pytest.approx(new["policy_logprob_per_token"].mean())


def test_rows_that_come_go_move_or_are_another_problem(first, tmp_path):
    def change(rows):
        return pl.concat(
            [
                rows[0].with_columns(stage=pl.lit("guided_alignment")),
                rows[1].with_columns(problem=pl.lit("another problem under an old id")),
                rows[2].with_columns(id=pl.lit("made-up-7")),
            ]
        )

    found = compare_releases(first, altered(first, tmp_path, change))
    assert found.added == ["made-up-1", "made-up-7"]
    assert found.removed == ["made-up-1", "made-up-2"]
    assert found.stages == {("self_alignment", "guided_alignment"): 1}
    assert found.moved == ["made-up-0"]
    assert found.rewritten == []
    assert list(found.logprobs) == ["guided_alignment", "all"]  # by the stage after, over common rows alone
    assert found.bump == "minor"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda rows: rows.drop("copy_rate"), "removed default.copy_rate"),
        (lambda rows: rows.with_columns(pl.col("self_sampled").cast(pl.Int64)), "retyped default.self_sampled"),
    ],
)
def test_a_column_that_goes_or_changes_makes_a_major_version(first, tmp_path, change, line):
    found = compare_releases(first, altered(first, tmp_path, change))
    assert found.schema[0].startswith(line)
    assert found.bump == "major"


def test_another_policy_makes_a_major_version_and_is_said(first, tmp_path, capsys):
    settings = first.manifest["settings"] | {"model_revision": "b" * 40}
    found = compare_releases(first, altered(first, tmp_path, lambda rows: rows, settings=settings))
    assert (found.bump, found.same_policy) == ("major", False)


def test_the_rule():
    same = {"same_task": True, "same_data": True, "same_settings": True, "schema": []}
    assert smallest_bump(**same) == "none"
    assert smallest_bump(**same | {"same_settings": False}) == "patch"
    assert smallest_bump(**same | {"same_data": False}) == "minor"
    assert smallest_bump(**same | {"schema": ["added default.x"]}) == "minor"
    assert smallest_bump(**same | {"same_task": False}) == "major"


def test_text_and_json(first_release, second_release, capsys):
    main([str(first_release), str(second_release)])
    text = capsys.readouterr().out
    assert "text       2 rows (made-up-0, made-up-1)" in text
    assert "seed: was 0, is now 1" in text
    assert "at least a minor step" in text
    main([str(first_release), str(second_release), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["rewritten"] == ["made-up-0", "made-up-1"]
    assert found["logprobs"]["all"]["rows"] == 3
    main([str(first_release), str(first_release)])
    assert "the same release: no new version" in capsys.readouterr().out


def test_what_is_no_release_is_one_line(first_release):
    command = [sys.executable, "-m", "builder.diff", str(first_release), "tests"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: tests is not a release of this tool: it has no usable manifest.json\n"
