"""The main plots as image files, for a dataset card or a paper: SVG with its colours inside, on a white ground."""

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from builder.release.open import Release
from builder.reporting.figures import figures
from builder.reporting.statistics import Statistics, collect

MAIN = ("stages", "excess", "changes", "weights")
WIDTH = 640  # pixels
_MARGIN = 16  # pixels


@dataclass(frozen=True)
class Plot:
    """An image file, with what is plotted and what one learns from it."""

    file: Path
    title: str
    caption: str


def with_plots(scratch: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Draw the main plots of a new release, whose data files are written; one without rows has none.

    Args:
        scratch: its directory.
        content: of its manifest so far.

    Returns:
        The content with file, title and caption of each.
    """
    plots = []
    if content["summary"]["stages"]["all"]:
        release = Release(scratch.name, scratch, None, content)
        plots = write_plots(release, collect(release), scratch / "plots")
    said = [{"file": f"plots/{plot.file.name}", "title": plot.title, "caption": plot.caption} for plot in plots]
    return content | {"plots": said}


def write_plots(release: Release, statistics: Statistics, folder: Path) -> list[Plot]:
    """Write the main plots that a release has into a folder, which is made if it is not there."""
    style, found = _style(), figures(statistics, release.manifest)
    folder.mkdir(parents=True, exist_ok=True)
    plots = []
    for name in MAIN:
        figure = found[name]
        if not figure.draw:
            continue
        file = folder / f"{name}.svg"
        file.write_text(_standing_alone(figure.draw(WIDTH), style), encoding="utf-8")
        plots.append(Plot(file, figure.title, figure.caption))
    return plots


def _style() -> str:
    """The style of plots with every variable and pair of colours replaced by the colour for a light ground."""
    css = (resources.files("builder.reporting") / "page" / "plots.css").read_text("utf-8")
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): light-dark\((#\w+),", css))
    css = re.sub(r":root \{.*?\}", "", css, flags=re.DOTALL)
    return re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], css).strip()


def _standing_alone(svg: str, style: str) -> str:
    """A drawing with its style inside and a white margin around it."""
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
    width, height = width + 2 * _MARGIN, height + 2 * _MARGIN
    box = f'viewBox="-{_MARGIN} -{_MARGIN} {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    ground = f'<rect x="-{_MARGIN}" y="-{_MARGIN}" width="{width:g}" height="{height:g}" fill="#ffffff"/>'
    svg = re.sub(r'viewBox="[^"]*" width="[^"]*" height="[^"]*"', box, svg, count=1)
    return svg.replace(">", f"><style>{style}</style>{ground}", 1) + "\n"
