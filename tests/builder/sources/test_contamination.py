import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.sources.contamination import GRAM, BenchmarkIndex, Item

TRAINS = (
    "Two trains leave stations 270 km apart at the same time and travel towards each other, one at 40 km per hour and "
    "the other at 50 km per hour. After how many hours do they meet?"
)
ITEMS = (
    Item("aime24", "problem 1", TRAINS),
    Item("math500", "problem 7", r"Let $x$ and $y$ be positive with $x + y = 1$. Find the least value of $x^2 + y^2$."),
    Item("math500", "problem 8", "What is $3 + 4$?"),
)  # fmt: skip


@pytest.fixture
def index():
    return BenchmarkIndex(ITEMS)


@pytest.mark.parametrize(
    "text",
    [
        TRAINS,
        TRAINS.upper(),
        TRAINS.replace(" ", "\n  "),
        TRAINS.replace(",", " ;").replace("270", "$270$"),
        f"Solve step by step. {TRAINS} Put the answer in a box.",
    ],
)
def test_a_copy_is_found_however_it_is_set(index, text):
    found = index.overlap(text)
    assert found.is_contamination
    assert found.item == ITEMS[0]


def test_latex_delimiters_do_not_matter(index):
    text = r"Let \(x\) and \(y\) be positive with \[x+y=1.\] Find the least value of \(x^{2}+y^{2}\)"
    assert index.overlap(text).item == ITEMS[1]
    assert index.overlap(text).share == 1


def test_a_phrase_that_both_have_is_no_contamination(index):
    found = index.overlap("Two cyclists start at the same time and travel towards each other, when they meet?")
    assert 0 < found.share < 0.5
    assert not found.is_contamination


def test_the_share_is_of_the_benchmarks_problem_and_not_of_the_text(index):
    words = TRAINS.split()
    half = index.overlap(" ".join(words[: len(words) // 2]))
    more = index.overlap(" ".join(words[: len(words) // 2 + 3]) + " " + "other words altogether " * 50)
    assert 0.45 < half.share <= 0.5
    assert not half.is_contamination
    assert more.is_contamination


def test_a_short_problem_is_found_by_equal_words_alone(index):
    assert index.overlap("what is 3 + 4").item == ITEMS[2]
    assert not index.overlap("What is $3 + 5$?").is_contamination
    assert not index.overlap("What is $3 + 4$? And what is the double of that?").is_contamination


def test_against_nothing_nothing_is_found():
    assert BenchmarkIndex([]).overlap(TRAINS).share == 0


WORDS = st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=3), min_size=1, max_size=40)


@given(WORDS, WORDS)
def test_the_share_is_that_of_the_words_in_common_runs(item, text):
    def runs(words):
        return {tuple(words[start : start + GRAM]) for start in range(len(words) - GRAM + 1)}

    covered = {
        place
        for start in range(len(item) - GRAM + 1)
        if tuple(item[start : start + GRAM]) in runs(text)
        for place in range(start, start + GRAM)
    }
    expected = len(covered) / len(item) if len(text) >= GRAM else float(item == text)
    assert BenchmarkIndex([Item("b", "1", " ".join(item))]).overlap(" ".join(text)).share == pytest.approx(expected)
