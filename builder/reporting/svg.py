"""A drawing as SVG text: shapes with classes, which `plots.css` gives their colours, and axes."""

import math
from html import escape

from builder.reporting.histograms import round_width

CHARACTER = 7.3  # pixels that a character of the plots' text takes at most, on average


class Drawing:
    """Collects shapes, in pixels from the top left.

    Args:
        width: of the drawing.
        label: what a screen reader says instead of it.
    """

    def __init__(self, width: float, label: str) -> None:
        self.width, self._label, self._parts = width, label, []

    def svg(self, height: float) -> str:
        """The whole drawing."""
        size = f'viewBox="0 0 {_px(self.width)} {_px(height)}" width="{_px(self.width)}" height="{_px(height)}"'
        about = f'class="plot" role="img" aria-label="{escape(self._label)}"'
        start = f'<svg xmlns="http://www.w3.org/2000/svg" {about} {size}>'
        return "".join((start, *self._parts, "</svg>"))

    def rect(self, x: float, y: float, width: float, height: float, style: str, hint: str = "") -> None:
        """A filled rectangle; `hint` shows under the pointer."""
        self._shape("rect", f'x="{_px(x)}" y="{_px(y)}" width="{_px(width)}" height="{_px(height)}"', style, hint)

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """A straight line."""
        self._shape("line", f'x1="{_px(x1)}" y1="{_px(y1)}" x2="{_px(x2)}" y2="{_px(y2)}"', style)

    def dot(self, x: float, y: float, radius: float, style: str, hint: str = "") -> None:
        """A circle."""
        self._shape("circle", f'cx="{_px(x)}" cy="{_px(y)}" r="{_px(radius)}"', style, hint)

    def path(self, points: list[tuple[float, float]], style: str, *, closed: bool = False) -> None:
        """Straight lines from point to point."""
        steps = "L".join(f"{_px(x)} {_px(y)}" for x, y in points)
        self._shape("path", f'd="M{steps}{"Z" if closed else ""}"', style)

    def text(self, x: float, y: float, text: str, style: str = "", anchor: str = "start") -> None:
        """Text on the baseline y, which starts, ends or is centred (`middle`) at x."""
        place = f'x="{_px(x)}" y="{_px(y)}" text-anchor="{anchor}"'
        self._parts.append(f'<text {place} class="{style}">{escape(text)}</text>')

    def _shape(self, name: str, geometry: str, style: str, hint: str = "") -> None:
        inner = f"><title>{escape(hint)}</title></{name}>" if hint else "/>"
        self._parts.append(f'<{name} {geometry} class="{style}"{inner}')


class Scale:
    """A linear map from values to pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high, self.start, self.end = low, high, start, end

    def __call__(self, value: float) -> float:
        """Pixels of a value; what lies beyond is put on the border."""
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self, about: int) -> list[float]:
        """Round values within the scale, at most about so many."""
        step = round_width((self.high - self.low) / (1.4 * about))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(k * step, 10) for k in range(first, last + 1)]


def tick_label(value: float) -> str:
    """A tick's number, as short as it can be."""
    return f"{value:,.10g}".replace("-", "−")


def axis_below(drawing: Drawing, scale: Scale, y: float, label: str, top: float) -> float:
    """Ticks, numbers, vertical grid lines up to `top` and the axis' name below y; returns the bottom."""
    for tick in scale.ticks(max(2, round((scale.end - scale.start) / 75))):
        drawing.line(scale(tick), top, scale(tick), y, "grid")
        drawing.text(scale(tick), y + 16, tick_label(tick), "tick", "middle")
    drawing.line(scale.start, y, scale.end, y, "axis")
    drawing.text((scale.start + scale.end) / 2, y + 34, label, "axis-name", "middle")
    return y + 40


def legend(drawing: Drawing, entries: list[tuple[str, str]], y: float) -> float:
    """Swatches with names, (series, text) each, wrapped into lines from y; returns the bottom."""
    x = 0.0
    for series, text in entries:
        needed = 18 + CHARACTER * len(text)
        if x and x + needed > drawing.width:
            x, y = 0.0, y + 18
        drawing.rect(x, y + 2, 11, 11, f"fill {series}")
        drawing.text(x + 17, y + 12, text, "label")
        x += needed + 16
    return y + 24


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
