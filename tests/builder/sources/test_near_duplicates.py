"""Near duplicates: each is found by the first row that stays, and only where the task is the same."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rensa", reason="pip install -e '.[near-duplicates]'")

from builder.config import Shard, SourceSpec
from builder.errors import InputError
from builder.sources.near_duplicates import NearDuplicates, bands, grams, jaccard
from builder.sources.rows import SourceRow
from tests.builder.sources.loaded import load_all

STORY = "Tom has 12 red apples in his old basket and gives 5 of them to his sister Ann before lunch. How many are left?"


def row(number, problem, gold="7", metadata=None):
    return SourceRow(number, f"r{number}", "s", problem, "e", gold, None, metadata)


def repeated(*problems, threshold=0.6, **more):
    """Of each row, the id of the row that it repeats, or None."""
    rows = [p if isinstance(p, SourceRow) else row(n, p, **more) for n, p in enumerate(problems)]
    found = NearDuplicates(rows, threshold)
    said = [found.take(each) for each in rows]
    return [each and each.row_id for each in said]


def test_rewordings_of_a_problem_go_and_other_problems_stay():
    assert repeated(
        STORY,
        STORY.replace("Tom", "Jim").replace("Ann", "Eve"),
        STORY.replace("12", "13"),
        STORY.replace("?", " now?").upper(),
        row(4, STORY, gold="8"),
        row(5, STORY.replace("red", "green"), gold=" $7$ "),
        row(6, STORY, metadata='{"options": ["a"]}'),
        "How many apples are red, if 12 are and 5 are not?",
    ) == [None, "r0", None, "r0", None, "r0", None, None]


def test_the_index_is_the_exact_one():
    one, other = row(0, STORY), row(1, STORY.replace("red", "green"))
    found = NearDuplicates([one, other], 0.6)
    assert found.take(one) is None
    # 24 words have 23 pairs: 21 are shared, and each text has 2 of its own
    assert found.take(other).jaccard == 21 / 25
    found = NearDuplicates([one, other], 21 / 25 + 1e-9)
    assert [found.take(each) for each in (one, other)] == [None, None]


def test_a_row_that_goes_takes_no_other_with_it():
    words = "a b c d e f g h i j k l m n o p q r s t".split()
    chain = [
        " ".join(["first", *words]),
        " ".join(["first", *words[:-4], *"wxyz"]),
        " ".join([*"uvuv", *words[4:-4], *"wxyz"]),
    ]
    near = [jaccard(grams(chain[i]), grams(chain[j])) for i, j in ((0, 1), (1, 2), (0, 2))]
    assert near[0] > 0.6
    assert near[1] > 0.55
    assert near[2] < 0.5
    assert repeated(*chain, threshold=0.55) == [None, "r0", None]
    assert repeated(*chain[1:], threshold=0.55) == [None, "r0"]


@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.5, 0.6, 0.75, 0.8, 0.9, 0.99, 1.0])
def test_bands_find_pairs_at_the_threshold(threshold):
    count, width = bands(threshold)
    assert count * width <= 128
    assert width == 1 or (1 - threshold**width) ** count <= 0.01
    # one more row a band, and pairs would be missed
    assert width == 128 or (1 - threshold ** (width + 1)) ** (128 // (width + 1)) > 0.01


texts = st.lists(st.sampled_from("red blue old new big small tin box cat dog".split()), min_size=0, max_size=12)


@given(st.lists(texts, min_size=1, max_size=12), st.sampled_from([0.3, 0.6, 0.9]))
def test_what_is_found_is_similar_and_stays_itself(problems, threshold):
    rows = [row(n, " ".join(words)) for n, words in enumerate(problems)]
    found, stay = NearDuplicates(rows, threshold), {}
    for each in rows:
        similar = [key for key, kept in stay.items() if jaccard(grams(kept), grams(each.problem)) >= threshold]
        if repeats := found.take(each):
            assert repeats.row_id in similar
            assert repeats.jaccard == jaccard(grams(stay[repeats.row_id]), grams(each.problem))
        else:
            assert not any(jaccard(grams(stay[key]), grams(each.problem)) == 1 for key in similar)
            stay[each.id] = each.problem


def test_what_becomes_of_a_row_does_not_depend_on_later_rows():
    problems = [STORY, "What is 2 + 2?", STORY.replace("Tom", "Jim"), STORY.replace("Tom", "Kim"), "And what is 2 + 2?"]
    whole = repeated(*problems, threshold=0.5)
    assert [repeated(*problems[:length], threshold=0.5) for length in range(6)] == [
        whole[:length] for length in range(6)
    ]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Stories of three kinds, their rewordings, exact duplicates and malformed lines among them."""
    file = tmp_path_factory.mktemp("source") / "s.jsonl"
    names = ("Tom", "Jim", "Kim", "Sue")
    rows = [
        {"problem": STORY.replace("Tom", names[n % 4]).replace("12", str(12 + n % 3)), "solution": "s #### 7"}
        for n in range(24)
    ]
    lines = [json.dumps(each) for each in [*rows, {"problem": ""}]]
    file.write_text("\n".join(lines) + "\n")
    return SourceSpec(name=str(file))


def test_every_row_of_a_source_comes_out_once(source):
    loaded = load_all([source], None, 0, None, 0.6)
    assert [each.row for each in loaded.rows] == [0, 1, 2]
    assert {each.reason for each in loaded.rejected} == {"near_duplicate", "duplicate", "malformed"}
    near = [each for each in loaded.rejected if each.reason == "near_duplicate"]
    assert len(near) == 9
    assert near[0].id == "s-0000003"
    assert near[0].detail == ("nearly the same problem as s-0000000: their pairs of words have a Jaccard index of 0.92")
    assert sorted(each.row for each in (*loaded.rows, *loaded.rejected)) == list(range(25))


@given(limit=st.none() | st.integers(1, 24), seed=st.integers(0, 2), of=st.integers(1, 6))
def test_shards_hold_the_rows_and_the_rejected_rows_of_the_whole(source, limit, seed, of):
    whole = load_all([source], limit, seed, None, 0.6)
    parts = [load_all([source], limit, seed, Shard(number=number, of=of), 0.6) for number in range(1, of + 1)]
    assert [each for part in parts for each in part.rows] == whole.rows
    assert [each for part in parts for each in part.rejected] == whole.rejected


def test_without_the_package_the_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rensa", None)
    with pytest.raises(InputError, match=r"--near-duplicates needs the package rensa: pip install .*near-duplicates"):
        repeated(STORY, replace(row(1, STORY)))
