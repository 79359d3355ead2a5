import xml.etree.ElementTree as ET

from builder.reporting.static_plots import MAIN, write_plots
from builder.reporting.statistics import collect


def test_each_main_plot_is_an_image_that_stands_alone(release, tmp_path):
    plots = write_plots(release, collect(release), tmp_path / "plots")
    assert [plot.file.name for plot in plots] == [f"{name}.svg" for name in MAIN]
    for plot in plots:
        text = plot.file.read_text()
        root = ET.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "var(" not in text  # many viewers of SVG know no variables
        assert "light-dark" not in text
        assert "#0b66a8" in text
        assert plot.title
        assert plot.caption
