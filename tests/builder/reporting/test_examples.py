from builder.reporting.examples import draw, sample
from tests.builder.reporting.handmade import Row, write


def test_a_small_release_is_shown_whole_and_in_order(release):
    found = draw(release, 10, seed=0)
    assert found.total == 4
    assert [row["id"] for row in found.rows] == ["a", "b", "c", "d"]


def test_a_row_has_both_texts_and_all_its_candidates(release):
    row = draw(release, 10, seed=0).rows[2]
    assert row["expert"] == {"text": "It is \\boxed{2}.", "tokens": 2, "logprob": -8.0, "parts": None}
    assert row["kept"] == {"text": "Clearly \\boxed{2}.", "tokens": 2, "logprob": -2.0, "parts": None}
    assert row["passed"] == {"self": [0, 2], "guided": [2, 2]}
    assert [(c["phase"], c["index"], c["kept"]) for c in row["candidates"]] == [
        ("self", 0, False), ("self", 1, False), ("guided", 0, True), ("guided", 1, False),
    ]  # fmt: skip


def test_the_sample_depends_on_the_seed_and_not_on_the_order():
    ids = [f"row-{n}" for n in range(40)]
    chosen = sample(ids, 8, seed=0)
    assert len(chosen) == 8
    assert chosen == sample(ids[::-1], 8, seed=0)
    assert set(chosen) != set(sample(ids, 8, seed=1))
    assert set(chosen) < set(sample(ids, 9, seed=0))  # a larger sample holds the smaller one


def test_rows_worth_looking_at_come_with_the_sample(tmp_path):
    dull = [Row(f"row-{n}", "self_alignment", [-1.0], [-1.0], [-1.0]) for n in range(40)]
    release = write(tmp_path / "r", [*dull, Row("odd", "self_alignment", [-1.0], [-9.0] * 5, [-9.0] * 5)])
    (odd,) = (row for row in draw(release, 2, seed=0).rows if row["id"] == "odd")
    assert {"most foreign text that was kept", "longest text"} <= set(odd["reasons"])
    assert draw(release, 0, seed=0).rows == []


def test_a_logprob_that_json_has_no_number_for_is_unknown(tmp_path):
    release = write(tmp_path / "r", [Row("x", "fallback", [float("-inf")], [float("-inf")])])
    assert draw(release, 1, seed=0).rows[0]["kept"]["logprob"] is None
