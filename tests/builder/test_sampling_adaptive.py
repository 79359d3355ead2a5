"""Adaptive sampling keeps what fixed sampling would keep, and draws less."""

import asyncio
import math
from collections import Counter
from random import Random

import pytest

from builder.journal.draw import until_acceptable, waves
from builder.method.selection import select

TOTAL = 10
RIGHT, WRONG = "abc", "xyz"
WEIGHTS = {"a": 0.05, "b": 0.1, "c": 0.15, "x": 0.2, "y": 0.2, "z": 0.3}


@pytest.mark.parametrize("total", [1, 2, 3, 10, 13, 100])
def test_waves_add_up_and_only_grow(total):
    sizes = list(waves(total))
    assert sum(sizes) == total
    assert sizes[:-1] == sorted(sizes[:-1])


async def kept(row, draws, adaptive=True):
    """The text that is kept of a row whose candidates would be `draws`, and how many are drawn."""

    async def draw_up_to(count):
        return draws[:count]

    drawn = await until_acceptable(waves(TOTAL), draw_up_to, RIGHT.__contains__) if adaptive else draws
    index = select(0, f"row-{row}", "self", (i for i, text in enumerate(drawn) if text in RIGHT))
    return (None if index is None else drawn[index]), len(drawn)


async def keep_counts(rng, rows, adaptive):
    draws = (rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=TOTAL) for _ in range(rows))
    return Counter([(await kept(row, of_row, adaptive))[0] for row, of_row in enumerate(draws)])


def test_the_kept_text_has_the_distribution_of_a_random_acceptable_one():
    rng, rows = Random(7), 20_000
    right = sum(WEIGHTS[text] for text in RIGHT)
    none = (1 - right) ** TOTAL
    expected = {text: (1 - none) * WEIGHTS[text] / right for text in RIGHT} | {None: none}
    for adaptive in (True, False):
        counts = asyncio.run(keep_counts(rng, rows, adaptive))
        for text, probability in expected.items():
            spread = math.sqrt(probability * (1 - probability) / rows)
            assert abs(counts[text] / rows - probability) < 4.5 * spread, (text, adaptive, counts)


def test_as_many_are_drawn_as_the_closed_form_says():
    from scripts.bench.adaptive_savings import CANDIDATES, all_fail, expected_draws, fitted_b

    a, b = 0.5, fitted_b(0.5, 0.6, TOTAL)
    assert 1 - all_fail(a, b, TOTAL) == pytest.approx(0.6)
    assert CANDIDATES == TOTAL
    rng, rows = Random(3), 20_000

    async def draws_of_all():
        drawn = 0
        for row in range(rows):
            rate = rng.betavariate(a, b)
            drawn += (await kept(row, ["a" if rng.random() < rate else "x" for _ in range(TOTAL)]))[1]
        return drawn

    assert asyncio.run(draws_of_all()) / rows == pytest.approx(expected_draws(a, b, TOTAL), rel=0.03)


@pytest.mark.parametrize(
    ("draws", "text", "drawn"), [("axxxxxxxxx", "a", 1), ("xxxaxxxxxx", "a", 4), ("xxxxxxxxxx", None, 10)]
)
def test_nothing_is_drawn_after_a_success_and_everything_without_one(draws, text, drawn):
    assert asyncio.run(kept(0, list(draws))) == (text, drawn)
