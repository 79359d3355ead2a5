"""What every figure of a report is."""

from collections.abc import Callable
from dataclasses import dataclass

STAGE_NAMES = {"self_alignment": "self-alignment", "guided_alignment": "guided-alignment", "fallback": "fallback"}


@dataclass(frozen=True)
class Figure:
    """One plot.

    Attributes:
        title: what is plotted.
        caption: what one learns from it.
        draw: width in pixels -> SVG text; None where the release has nothing to plot, as the caption then says.
        head: names of the columns of the table behind it.
        rows: of that table.
    """

    title: str
    caption: str
    draw: Callable[[int], str] | None = None
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
