import json
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.config import SourceSpec
from builder.errors import InputError
from builder.sources.load import sample
from tests.builder.sources.loaded import load_all


@pytest.fixture
def spec(tmp_path):
    def write(rows, name="made.jsonl", **fields):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return SourceSpec(name=str(file), **fields)

    return write


def rows(*problems, **more):
    return [{"problem": problem, "solution": "s", **more} for problem in problems]


def test_a_sample_is_a_function_of_seed_and_total():
    drawn = sample(3, 1000, 100)
    assert list(drawn) == sorted(set(drawn))
    assert len(drawn) == 100
    assert drawn == sample(3, 1000, 100)
    assert drawn != sample(4, 1000, 100)
    assert list(sample(3, 10, 11)) == list(sample(3, 10, None)) == list(range(10))


@given(seed=st.integers(0, 100), total=st.integers(1, 300), one=st.integers(1, 300), other=st.integers(1, 300))
def test_a_larger_sample_holds_the_smaller_ones(seed, total, one, other):
    smaller, larger = (set(sample(seed, total, limit)) for limit in sorted((one, other)))
    assert smaller <= larger
    assert len(larger) == min(max(one, other), total)


def test_a_small_share_is_drawn_as_in_earlier_versions():
    assert sample(3, 5000, 100) == sorted(Random("sample-3").sample(range(5000), 100))


def test_a_sample_is_uniform():
    seen = Counter(position for seed in range(2000) for position in sample(seed, 10, 3))
    assert set(seen) == set(range(10))
    # 600 expected, standard deviation 20.5: five of them either way
    assert all(500 < count < 700 for count in seen.values())


def test_sources_are_concatenated_and_sampled_together(spec):
    specs = [spec(rows(*"abcde"), "one.jsonl"), spec(rows(*"fghij"), "two.jsonl")]
    every = load_all(specs, None, 0).rows
    assert "".join(row.problem for row in every) == "abcdefghij"
    assert [row.row for row in every] == list(range(10))
    assert [row.source for row in every] == ["one.jsonl"] * 5 + ["two.jsonl"] * 5
    assert every[5].id == "two-0000000"
    some = load_all(specs, 4, 0)
    assert some.rows == [every[position] for position in sample(0, 10, 4)]
    assert some.rejected == []
    assert [source["rows"] for source in some.provenance] == [5, 5]


def test_sources_of_the_same_name_get_different_ids(spec):
    one, two = spec(rows("a"), "x/data.jsonl"), spec(rows("b"), "y/data.jsonl")
    assert [row.id for row in load_all([one, two], None, 0).rows] == ["data-0000000", "data-2-0000000"]


def test_the_first_of_equal_problems_stays(spec):
    first, second = (
        spec(rows("What is  2+2?", "other"), "one.jsonl"),
        spec(rows("what is\n2+2? ", "OTHER"), "two.jsonl"),
    )
    loaded = load_all([first, second], None, 0)
    assert [row.problem for row in loaded.rows] == ["What is  2+2?", "other"]
    assert [(row.row, row.reason) for row in loaded.rejected] == [(2, "duplicate"), (3, "duplicate")]
    assert loaded.rejected[0].detail == "two.jsonl, line 1: the same problem as one-0000000"
    assert loaded.rejected[0].problem == "what is\n2+2? "


def test_a_malformed_row_is_no_original(spec):
    loaded = load_all([spec([{"problem": "p", "solution": ""}, *rows("p")])], None, 0)
    assert [row.row for row in loaded.rows] == [1]
    assert [row.reason for row in loaded.rejected] == ["malformed"]


def test_own_ids(spec):
    source = [
        *rows("a", key="k1"),
        *rows("b", key="k1"),
        *rows("c"),
        *rows("", key="k4"),
        *rows("e", key=5),
        *rows("f", key="made-0000001"),
    ]
    loaded = load_all([spec(source, id_field="key")], None, 0)
    assert [row.id for row in loaded.rows] == ["k1", "5"]
    assert [(row.id, row.reason) for row in loaded.rejected] == [
        ("made-0000001", "duplicate"),
        ("made-0000002", "malformed"),
        ("k4", "malformed"),
        ("made-0000005", "duplicate"),
    ]
    assert loaded.rejected[0].detail == "made.jsonl, line 2: field 'key': another row has the id 'k1'"
    assert loaded.rejected[1].detail == "made.jsonl, line 3: field 'key': no id"


def test_every_row_is_accounted_for_once_under_a_unique_id(spec):
    messy = [*rows("a", "A", "", "b", key="made-0000001"), *rows("made", key="made-0000000"), *rows("c", "d", "d")]
    one, two = spec(messy, "x/made.jsonl", id_field="key"), spec(messy, "y/made.jsonl")
    loaded = load_all([one, two], None, 0)
    everything = [*loaded.rows, *loaded.rejected]
    assert sorted(row.row for row in everything) == list(range(2 * len(messy)))
    assert len({row.id for row in everything}) == len(everything)


@pytest.mark.parametrize(
    ("file", "count", "first_gold"),
    [
        ("gsm8k_train.jsonl", 7473, "72"),
        ("math500.jsonl", 500, r"\left( 3, \frac{\pi}{2} \right)"),
        ("minerva_math.jsonl", 272, "1.6"),
        ("olympiadbench.jsonl", 675, "2"),
        ("aime24.jsonl", 30, "204"),
    ],
)
def test_real_problems(shared_data, file, count, first_gold):
    loaded = load_all([SourceSpec(name=str(shared_data / file))], None, 0)
    assert len(loaded.rows) == count
    assert loaded.rejected == []
    assert all(row.gold for row in loaded.rows)
    assert loaded.rows[0].gold == first_gold


def test_real_problems_without_solutions(shared_data):
    spec = SourceSpec(name=str(shared_data / "amc23.jsonl"))
    with pytest.raises(InputError, match=r"amc23\.jsonl: no field holds an expert solution to fall back to"):
        load_all([spec], None, 0)
    loaded = load_all([spec.model_copy(update={"solution_field": "question"})], None, 0)
    assert [row.gold for row in loaded.rows[:2]] == ["27", "36"]
