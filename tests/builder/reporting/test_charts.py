import xml.etree.ElementTree as ET

import numpy as np
import pytest

from builder.reporting.charts import Change, bars, changes, columns, distribution, intervals, stacked_bars
from builder.reporting.histograms import histogram
from builder.reporting.policy_gap import describe
from builder.reporting.svg import Scale

NAMES = {"self_alignment": "self", "fallback": "fallback"}


def shapes(svg, name, style):
    """Attributes of every shape of this name and class."""
    found = ET.fromstring(svg).iter(f"{{http://www.w3.org/2000/svg}}{name}")
    return [shape.attrib for shape in found if set(style.split()) <= set(shape.get("class", "").split())]


def words(svg):
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("width", [300, 640])
def test_bars_are_stacked_in_proportion_to_their_counts(width):
    svg = stacked_bars("b", {"D′": {"self_alignment": 30, "fallback": 10}}, NAMES, width)
    (own,), (rest,) = ([s for s in shapes(svg, "rect", f"fill {n}") if s["height"] == "24"] for n in NAMES)
    assert float(own["width"]) == pytest.approx(3 * float(rest["width"]), abs=0.3)
    assert float(own["x"]) + float(own["width"]) == pytest.approx(float(rest["x"]), abs=0.2)
    assert {"75.0 %", "25.0 %", "40 rows"} <= set(words(svg))


def test_what_is_named_by_data_is_escaped():
    svg = bars("<b>", {"<script>": 2, "other": 1}, "fallback", 500, 3)
    assert {"<script>", "2 (66.7 %)"} <= set(words(svg))
    assert "<script>" not in svg


def test_columns_are_as_high_as_their_counts():
    svg = columns("c", {"0 of 2": 1, "1 of 2": 0, "2 of 2": 4}, "self_alignment", "correct", 500)
    heights = [float(s["height"]) for s in shapes(svg, "rect", "fill self_alignment")]
    assert heights[2] == pytest.approx(4 * heights[0], abs=0.4)
    assert heights[1] == 0


def test_a_distribution_has_an_outline_and_a_median_for_each_series():
    found = histogram({"expert": np.array([1.0, 2, 3]), "kept": np.array([5.0, 6])})
    svg = distribution("d", found, {"expert": "D", "kept": "D′"}, "nats", 500, mark=4)
    assert len(shapes(svg, "path", "outline")) == len(shapes(svg, "line", "median")) == 2
    assert len(shapes(svg, "line", "mark")) == 1
    assert {"D, median 2", "D′, median 5.5", "nats"} <= set(words(svg))


def test_what_is_infinite_lies_on_the_border():
    svg = changes("c", [Change("all rows", "kept", float("-inf"), -1.0)], "nats", 500)
    before, after = (float(dot["cx"]) for dot in shapes(svg, "circle", "fill"))
    assert before < after
    assert {"−∞", "−1.00"} <= set(words(svg))


def test_quantiles_lie_in_order_on_the_scale():
    svg = intervals("i", [("D", "expert", describe(np.log([0.1, 0.2, 0.5, 0.8, 0.9])))], "weight", 640)
    (whisker,), (box,), (dot,) = (shapes(svg, *s) for s in (("line", "whisker"), ("rect", "fill"), ("circle", "dot")))
    places = [whisker["x1"], box["x"], dot["cx"], float(box["x"]) + float(box["width"]), whisker["x2"]]
    assert [float(place) for place in places] == sorted(float(place) for place in places)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.7, -0.2), (0, 104_000), (-0.0031, 0.0042)])
def test_ticks_are_round_and_within_the_scale(low, high):
    ticks = Scale(low, high, 0, 500).ticks(6)
    assert 3 <= len(ticks) <= 10
    assert low <= ticks[0] < ticks[-1] <= high
    steps = np.diff(ticks)
    assert steps == pytest.approx([steps[0]] * len(steps))
