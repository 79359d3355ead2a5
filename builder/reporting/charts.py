"""The kinds of plot: each takes numbers and a width in pixels, and returns SVG text.

A series is a word that `plots.css` has a colour for: a stage, `expert` (D) or `kept` (D′).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite

from builder.reporting.histograms import Histogram
from builder.reporting.numbers import count, real, share
from builder.reporting.policy_gap import Weights
from builder.reporting.svg import CHARACTER, Drawing, Scale, axis_below, legend, tick_label

NARROW = 440  # pixels; below, labels stand above what they label instead of left of it


def stacked_bars(label: str, bars: Mapping[str, Mapping[str, int]], names: Mapping[str, str], width: int) -> str:
    """A bar of full width for each entry, divided by the share of each series.

    Args:
        label: what a screen reader says.
        bars: rows by series, by the bar's own label.
        names: of the series, in their order.
        width: of the drawing, pixels.
    """
    drawing = Drawing(width, label)
    y = legend(drawing, list(names.items()), 0)
    left = _left(list(bars), width)
    right = CHARACTER * max(len(f"{count(sum(v.values()))} rows") for v in bars.values()) + 10
    for name, counts in bars.items():
        total = sum(counts.values())
        if not left:
            drawing.text(0, y + 12, _shortened(name, width), "label")
            y += 18
        else:
            drawing.text(left - 10, y + 17, _shortened(name, left - 10), "label", "end")
        scale = Scale(0, max(total, 1), left, width - right)
        done = 0
        for series, series_name in names.items():
            part = counts.get(series, 0)
            start, end = scale(done), scale(done + part)
            if part:
                drawing.rect(start, y, end - start, 24, f"fill {series}", f"{series_name}: {count(part)} rows")
                if end - start > 46:
                    drawing.text((start + end) / 2, y + 17, share(part, total), f"on {series}", "middle")
            done += part
        drawing.text(width, y + 17, f"{count(total)} rows", "number", "end")
        y += 32
    return drawing.svg(y)


def bars(label: str, values: Mapping[str, int], series: str, width: int, total: int) -> str:
    """A lying bar for each count, with its number and its share of `total`."""
    drawing, y = Drawing(width, label), 2.0
    left, right = _left(list(values), width), CHARACTER * len(f"{count(total)} (100.0 %)") + 8
    scale = Scale(0, max(*values.values(), 1), left, width - right)
    for name, value in values.items():
        if not left:
            drawing.text(0, y + 11, name, "label")
            y += 16
        else:
            drawing.text(left - 10, y + 14, name, "label", "end")
        drawing.rect(left, y, max(scale(value) - left, 1), 19, f"fill {series}", f"{name}: {count(value)}")
        drawing.text(scale(value) + 7, y + 14, f"{count(value)} ({share(value, total)})", "number")
        y += 27
    return drawing.svg(y)


def columns(label: str, values: Mapping[str, int], series: str, x_name: str, width: int) -> str:
    """Upright bars in an order that means something; of each name, the first word stands below its bar."""
    total = sum(values.values())
    drawing, left, top, bottom = Drawing(width, label), 40, 26, 190
    across = Scale(0, len(values), left, width)
    up = Scale(0, max(values.values()) / total * 100 * 1.05, bottom, top)
    drawing.text(0, 12, "% of rows", "axis-name")
    _grid(drawing, up, left, width)
    each = (width - left) / len(values)
    for k, (name, value) in enumerate(values.items()):
        y = up(100 * value / total)
        drawing.rect(across(k) + 2, y, each - 4, bottom - y, f"fill {series}", f"{name}: {count(value)} rows")
        if value and each > 30:
            drawing.text(across(k + 0.5), y - 5, count(value), "number", "middle")
        if each > 24 or k % 2 == 0:
            drawing.text(across(k + 0.5), bottom + 16, name.split(" ")[0], "tick", "middle")
    drawing.line(left, bottom, width, bottom, "axis")
    drawing.text((left + width) / 2, bottom + 34, x_name, "axis-name", "middle")
    return drawing.svg(bottom + 40)


def distribution(
    label: str, histogram: Histogram, names: Mapping[str, str], x_name: str, width: int, mark: float | None = None
) -> str:
    """Overlaid histograms as shares of their series, with medians; `mark` is a value of meaning on the x axis."""
    entries = [
        (series, f"{name}, median {tick_label(float(f'{histogram.medians[series]:.3g}'))}")
        for series, name in names.items()
        if series in histogram.medians
    ]
    drawing, left = Drawing(width, label), 40
    top = legend(drawing, entries, 0) + 22
    bottom = top + 170
    across = Scale(histogram.edges[0], histogram.edges[-1], left, width - 12)
    shares = {
        series: [100 * n / sum(histogram.counts[series]) for n in histogram.counts[series]] for series, _ in entries
    }
    up = Scale(0, max((v for values in shares.values() for v in values), default=1) * 1.05, bottom, top)
    drawing.text(0, top - 8, "% of rows", "axis-name")
    _grid(drawing, up, left, width - 12)
    if mark is not None and histogram.edges[0] <= mark <= histogram.edges[-1]:
        drawing.line(across(mark), top, across(mark), bottom, "mark")
    for series, values in shares.items():
        outline = [(across(histogram.edges[0]), bottom)]
        for low, high, value in zip(histogram.edges, histogram.edges[1:], values, strict=False):
            outline += [(across(low), up(value)), (across(high), up(value))]
        outline.append((across(histogram.edges[-1]), bottom))
        drawing.path(outline, f"area {series}", closed=True)
        drawing.path(outline, f"outline {series}")
    for series, _ in entries:
        x = across(histogram.medians[series])
        drawing.line(x, top, x, bottom, f"median {series}")
    return drawing.svg(axis_below(drawing, across, bottom, x_name, bottom))


@dataclass(frozen=True)
class Change:
    """One line of a before-and-after plot: name and mean before and after."""

    name: str
    series: str
    before: float
    after: float


def changes(
    label: str, lines: Sequence[Change], x_name: str, width: int, texts: tuple[str, str] = ("expert", "kept")
) -> str:
    """From before, in the expert's grey, to after, in the series' colour; `texts` are what the two are called."""
    drawing, left = Drawing(width, label), _left([line.name for line in lines], width)
    y = 4.0
    values = [v for line in lines for v in (line.before, line.after) if isfinite(v)]
    low, high = min(values, default=0.0), max(values, default=0.0)  # what is infinite lies on the border
    room = (high - low or 1.0) * 0.08
    margin = 44
    across = Scale(low - room, high + room, left + margin, width - margin)
    step = 34 if left else 50
    for n, line in enumerate(lines):
        middle = y + step * n + (17 if left else 32)
        if left:
            drawing.text(left - 10, middle + 4, line.name, "label", "end")
        else:
            drawing.text(0, middle - 14, line.name, "label")
        before, after = across(line.before), across(line.after)
        forward = after >= before
        drawing.line(before, middle, after, middle, f"link {line.series}")
        drawing.dot(before, middle, 5, "fill expert", f"{texts[0]} {real(line.before)}")
        drawing.dot(after, middle, 6, f"fill {line.series}", f"{texts[1]} {real(line.after)}")
        ends = ("end", "start") if forward else ("start", "end")
        side = 10 if forward else -10
        if abs(line.after - line.before) > 1e-9:
            drawing.text(before - side, middle + 4, real(line.before), "number", ends[0])
        drawing.text(after + side, middle + 4, real(line.after), "number", ends[1])
    bottom = y + step * len(lines) + 6
    return drawing.svg(axis_below(drawing, across, bottom, x_name, bottom))


def intervals(label: str, lines: Sequence[tuple[str, str, Weights]], x_name: str, width: int) -> str:
    """Quantiles of weights between 0 and 1, (name, series, weights) a line, and their effective sample size.

    Thin from the 5th to the 95th percentile, thick from the 25th to the 75th, a dot at the median.
    """
    drawing = Drawing(width, label)
    left, right = _left([name for name, _, _ in lines], width), 74
    across = Scale(0, max(max(exp(w.log_quantiles[-1]) for _, _, w in lines), 0.05), max(left, 6), width - right)
    drawing.text(width, 12, "ESS / n", "axis-name", "end")
    y = 20.0
    step = 28 if left else 44
    bottom = axis_below(drawing, across, y + step * len(lines) + 6, x_name, y)
    for n, (name, series, weights) in enumerate(lines):
        middle = y + step * n + (14 if left else 30)
        if left:
            drawing.text(left - 10, middle + 4, name, "label", "end")
        else:
            drawing.text(0, middle - 14, name, "label")
        q05, q25, q50, q75, q95 = (across(exp(q)) for q in weights.log_quantiles)
        drawing.line(q05, middle, q95, middle, f"whisker {series}")
        hint = ", ".join(f"{exp(q):.3f}" for q in weights.log_quantiles)
        drawing.rect(q25, middle - 6, max(q75 - q25, 2), 12, f"fill {series}", f"{name}: {hint}")
        drawing.dot(q50, middle, 4.5, "dot")
        drawing.text(width, middle + 4, share(weights.effective), "number", "end")
    return drawing.svg(bottom)


def _grid(drawing: Drawing, up: Scale, left: float, right: float) -> None:
    for tick in up.ticks(4):
        drawing.line(left, up(tick), right, up(tick), "grid")
        drawing.text(left - 7, up(tick) + 4, tick_label(tick), "tick", "end")


def _left(names: Sequence[str], width: int) -> float:
    """Room for the labels left of what they label; 0 on a narrow drawing."""
    return 0 if width < NARROW else min(max(CHARACTER * len(name) for name in names) + 18, 0.34 * width)


def _shortened(name: str, room: float) -> str:
    most = int(room / CHARACTER)
    return name if len(name) <= most else name[: most - 1] + "…"
