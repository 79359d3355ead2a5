"""What every figure of a report is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from builder.reporting import charts
from builder.reporting.histograms import Histogram
from builder.reporting.numbers import count, counted, real

STAGE_NAMES = {"self_alignment": "self-alignment", "guided_alignment": "guided-alignment", "fallback": "fallback"}
TEXT_NAMES = {"expert": "D, expert text", "kept": "D′, kept text"}


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


def of_histogram(
    title: str, caption: str, found: Histogram, names: dict[str, str], x_name: str, mark: float | None = None
) -> Figure:
    """The figure of a histogram of rows; `mark` is where a dotted line stands."""
    if found.beyond:
        caption += f" The outer bins also hold {counted(found.beyond, 'value')} beyond them."
    series = [name for name in names if name in found.medians]
    bins = zip(found.edges, found.edges[1:], *(found.counts[name] for name in series), strict=False)
    return Figure(
        title,
        caption,
        partial(charts.distribution, title, found, names, x_name, mark=mark),
        ("from", "to", *(names[name] for name in series)),
        tuple((f"{low:g}", f"{high:g}", *map(count, counts)) for low, high, *counts in bins if any(counts)),
    )


def of_stages(
    title: str,
    caption: str,
    label: str,
    means: Mapping[str, tuple[float, float]],
    texts: tuple[str, str] = ("expert", "kept"),
) -> Figure:
    """The figure of means per token before and after, nats, by stage and for `all`; `label` is for a screen reader."""
    lines = [
        charts.Change(STAGE_NAMES.get(stage, "all rows"), stage if stage in STAGE_NAMES else "kept", before, after)
        for stage, (before, after) in means.items()
    ]
    return Figure(
        title,
        caption,
        partial(charts.changes, label, lines, "nats per token", texts=texts),
        ("stage", *texts),
        tuple((line.name, real(line.before, 3), real(line.after, 3)) for line in lines),
    )
