import json

import pytest

from builder.errors import InputError
from builder.report import main


def test_the_report_stands_beside_the_release(release, capsys):
    assert main([str(release.path)]) == 0
    page = release.path.with_name("release.report.html")
    assert page.read_text().startswith("<!doctype html>")
    assert capsys.readouterr().out.startswith(f"{page}  0.")
    assert json.loads((release.path / "manifest.json").read_text()) == release.manifest  # the release is as it was


def test_examples_and_plots(release, tmp_path, capsys):
    output, plots = tmp_path / "r.html", tmp_path / "plots"
    assert main([str(release.path), "--output", str(output), "--examples", "0", "--plots", str(plots)]) == 0
    assert "0 of 4 rows to browse" in capsys.readouterr().out
    assert '<script type="application/json" id="examples-data">[]</script>' in output.read_text()
    assert len(list(plots.glob("*.svg"))) == 4


def test_an_unfinished_build_is_named_where_its_release_is_asked_for(tmp_path):
    (tmp_path / "r.work").mkdir()
    (tmp_path / "r.work" / "settings.json").write_text("{}")
    with pytest.raises(InputError, match=r"r is not finished; .*: python -m builder.report .*/r.work"):
        main([str(tmp_path / "r")])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere is neither a directory nor"),
        (["{release}", "--output", "no/such/folder/r.html"], "must be a file in a folder that exists"),
        (["{release}", "--output", "{release}"], "must be a file"),
        (["{release}", "--examples", "-1"], "must not be negative"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(release, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        main([text.format(release=release.path) for text in arguments])
    assert "\n" not in str(caught.value)
