"""Two releases side by side: what is counted, said and shown of them, and the page in a real browser."""

from dataclasses import replace

import polars as pl
import pytest

from builder.errors import InputError
from builder.release.open import open_release
from builder.report import main
from builder.reporting.means import Mean
from builder.reporting.pair import changed_rows, pair_of
from builder.reporting.pair_page import headline, render_pair
from scripts.browser import chromium
from tests.builder.reporting.test_page import Structure, words_of
from tests.finished_build import altered


@pytest.fixture
def first(first_release):
    return open_release(str(first_release))


@pytest.fixture
def pair(first, second_release):
    """Three rows, of which two have another text."""
    return pair_of(first, open_release(str(second_release)))


def moved(rows):
    """The first row falls back, the second is about another problem, the third stays."""
    return pl.concat(
        [
            rows[0].with_columns(stage=pl.lit("fallback"), excess_surprisal_per_token=pl.lit(9.0)),
            rows[1].with_columns(problem=pl.lit("another problem under an old id")),
            rows[2],
        ]
    )


def test_the_gap_is_that_of_the_rows_which_both_have(first, tmp_path):
    pair = pair_of(first, altered(first, tmp_path, moved))
    assert pair.comparison.rows["common"] == pair.gap.change.texts == 2
    old = first.scan("default").collect()
    tokens = old["completion_tokens"]
    before = old["excess_surprisal_per_token"] * tokens
    common = [0, 2]
    assert pair.gap.before.value == pytest.approx(before[common].sum() / tokens[common].sum())
    assert pair.gap.after.value == pytest.approx((9.0 * tokens[0] + before[2]) / tokens[common].sum())
    assert pair.gap_by_logprob.change.value == 0  # log-probs stayed as they were


def test_rows_that_changed_come_with_both_texts(pair):
    rows = changed_rows(pair, 10)
    assert [row["id"] for row in rows] == ["made-up-0", "made-up-1"]
    assert [row["changed"] for row in rows] == [["text"], ["text"]]
    assert (rows[0]["before"]["text"], rows[0]["after"]["text"]) == ("It is \\boxed{0}", "So it is \\boxed{0}")
    assert changed_rows(pair, 1)[0] in rows
    assert changed_rows(pair, 0) == []


def test_a_row_of_another_problem_under_an_old_id_has_not_changed(first, tmp_path):
    (row,) = changed_rows(pair_of(first, altered(first, tmp_path, moved)), 10)
    assert (row["id"], row["stage_before"], row["stage"], row["changed"]) == (
        "made-up-0", "self_alignment", "fallback", ["stage"],
    )  # fmt: skip


def test_the_headline_says_which_is_closer_and_how_sure_that_is(pair):
    def with_change(low, high):
        gap = replace(pair.gap, change=Mean((low + high) / 2, low, high, 3))
        return headline(replace(pair, gap=gap))

    assert with_change(-2.0, -1.0).startswith("B is closer to the policy than A: over the 3 rows that both have, ")
    assert "(a change of −1.50, 95 % interval −2.00 to −1.00)" in with_change(-2.0, -1.0)
    assert with_change(1.0, 2.0).startswith("B is farther from the policy than A: ")
    assert with_change(-1.0, 1.0).startswith("Which of the two is closer cannot be told: ")
    other = replace(pair, comparison=replace(pair.comparison, same_policy=False))
    assert headline(other).startswith("Each under its own policy: over the 3 rows")
    assert "surprisal, −log π, goes from" in headline(replace(pair, gap=None))
    apart = replace(pair.comparison, rows=pair.comparison.rows | {"common": 0})
    assert headline(replace(pair, comparison=apart)) == "The two have no row in common."


def test_a_release_beside_itself(first):
    pair = pair_of(first, first)
    assert headline(pair) == "The 3 rows that both have are the same, text by text."
    page = render_pair(pair, changed_rows(pair, 10))
    Structure(page)
    assert "Nothing." in words_of(page)


def test_the_page_shows_numbers_differences_settings_and_moves(first, tmp_path):
    pair = pair_of(first, altered(first, tmp_path, moved))
    page = render_pair(pair, changed_rows(pair, 10))
    found = Structure(page)
    assert len(found.ids) == len(set(found.ids))
    words = words_of(page)
    for said in (
        "self-alignment 33.3 % 0 % −33.3 points",
        "fallback 33.3 % 66.7 % +33.3 points",
        "Rows that changed their stage stage in A stage in B rows self-alignment fallback 1",
        "Only in A: 1 row; only in B: 1 row.",
        "1 of the rows that both have changed stage, text or prompt. Keys:",
    ):
        assert said in words


def test_settings_that_differ_are_named(pair):
    assert "seed: was 0, is now 1" in words_of(render_pair(pair, []))


def test_it_stands_beside_the_second_and_is_said_in_two_lines(first_release, second_release, capsys):
    assert main([str(first_release), str(second_release)]) == 0
    said, written = capsys.readouterr().out.splitlines()
    assert " over the 3 rows that both have, excess surprisal goes from " in said
    page = second_release.with_name("release-and-release.report.html")
    assert written.startswith(f"{page}  0.")
    assert written.endswith("2 changed rows to browse")
    assert page.read_text().startswith("<!doctype html>")


def test_plots_are_of_one_release(first_release):
    with pytest.raises(InputError, match="--plots are of one release"):
        main([str(first_release), str(first_release), "--plots", "p"])


def test_in_a_browser_rows_are_filtered_and_words_marked(first, tmp_path):
    def change(rows):
        other = [{"role": "assistant", "content": "So it is \\boxed{1}"}]
        texts = pl.Series("completion", [other], dtype=rows.schema["completion"])
        return pl.concat([moved(rows)[0], rows[1].with_columns(texts), rows[2]])

    pair = pair_of(first, altered(first, tmp_path, change))
    file = tmp_path / "pair.html"
    file.write_text(render_pair(pair, changed_rows(pair, 10)), encoding="utf-8")
    try:
        with chromium() as browser:
            browser.open(file)
            listed = "return shown.map((row) => row.id)"
            assert browser.run(listed) == ["made-up-0", "made-up-1"]
            browser.run("controls.change.value = 'text'; filter()")
            assert browser.run(listed) == ["made-up-1"]
            assert browser.texts("#example mark") == ["It", "So it"]
            assert browser.texts("#example .text h4") == ["Problem", "A: guided-alignment", "B: guided-alignment"]
            browser.run("byId('reset').click(); controls.after.value = 'fallback'; filter()")
            assert browser.run(listed) == ["made-up-0"]
            assert browser.texts("#example header .badge") == ["self-alignment", "fallback"]
            browser.find("#example summary").click()
            browser.run("return new Promise(done => setTimeout(done, 50))")
            assert len(browser.texts("#example .candidate .prose")) == 1
            assert browser.complaints() == []
            browser.open(file, width=360)
            assert browser.run("return document.documentElement.scrollWidth") <= 360
    except LookupError as missing:
        pytest.skip(str(missing))
