import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from builder.reporting.examples import draw
from builder.reporting.page import embedded, render
from builder.reporting.statistics import collect
from tests.builder.reporting.handmade import ROWS, Row, candidate, write

VOID = {"meta", "input", "br", "img", "link"}


class Structure(HTMLParser):
    """Checks that elements are closed in order, and collects what matters of them."""

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.tags, self.attributes = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def page_of(release):
    return render(release, collect(release), draw(release, 3, 0))


def test_the_page_is_well_formed_and_needs_no_other_file(release):
    page = page_of(release)
    found = Structure(page)
    assert len(found.ids) == len(set(found.ids))
    assert not {"link", "img", "iframe", "object"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name in ("src", "style") or name.startswith("on")]
    links = [value for name, value in found.attributes if name == "href"]
    assert all(value.removeprefix("#") in found.ids for value in links)
    assert "://" not in page.replace("http://www.w3.org/", "")


def test_it_says_what_was_counted(release):
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page_of(release)))
    for sentence in (
        "75.0 % of 4 rows carry text of the target policy: 2 answers of its own and 1 retelling.",
        "Left out of the source, each with its reason: 1 overlong.",
        "made-up falls back most: 33.3 % of its rows keep the expert’s text.",
        "12.5 % of 8 candidates were truncated.",
        "All 4 rows.",
        "4,000, 200 a second",
    ):
        assert sentence in page


def test_a_models_opinion_is_never_called_verified(release):
    assert "one of the policy’s own verified answers" in page_of(release)
    judged = release.manifest | {"verifier": release.manifest["verifier"] | {"judged_by": "me/judge"}}
    page = page_of(replace(release, manifest=judged))
    assert "Nothing here is verified: which answers are correct is the opinion of me/judge." in page
    assert "one of the policy’s own judged answers, else a judged retelling" in page


def test_an_interim_release_says_so_in_its_title_and_at_the_top(release):
    assert "Interim" not in page_of(release)
    early = replace(release, manifest=release.manifest | {"interim": {"finished": 4, "unfinished": 6}})
    page = page_of(early)
    Structure(page)
    assert "<title>Policy-gap report, interim: release</title>" in page
    assert '<p class="interim" role="note">Interim, of an unfinished build: 4 of 10 rows are finished (40.0 %)' in page


@pytest.mark.parametrize("stages", [[0], [2], [3], [0, 1], [0, 3], [2, 3]])
def test_releases_that_lack_a_stage_have_a_page_too(tmp_path, stages):
    page = page_of(write(tmp_path / "r", [ROWS[n] for n in stages]))
    Structure(page)
    assert ("No retelling was kept." in page) == (2 not in stages)
    assert ("Every row was rewritten." in page) == (3 not in stages)


def test_the_policy_names_the_scripts_and_the_style_that_are_there(release):
    import base64
    import hashlib

    page = page_of(release)
    policy = re.search(r'content="(default-src[^"]+)"', page)[1].replace("&#39;", "'")
    for inline in (
        *re.findall(r"<script>(.*?)</script>", page, re.S),
        *re.findall(r"<style>(.*?)</style>", page, re.S),
    ):
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_text_that_looks_like_html_stays_text(tmp_path):
    attack = "</script><img src=x onerror=alert(1)><!--"
    row = Row("x", "fallback", [-1.0], [-1.0], None, attack, attack, attack, attack, fallback_reason="no_room")
    found = Structure(page_of(write(tmp_path / "r", [row])))
    assert "img" not in found.tags


def test_embedded_json_comes_back_and_holds_no_markup():
    data = ["</script><!--", "a & b", "\u2028", {"ü": 1.5}]
    assert json.loads(embedded(data)) == data
    assert not set("<>&\u2028") & set(embedded(data))


def words_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_origins_answers_and_the_expert_are_shown(release):
    words = words_of(page_of(release))
    for sentence in (
        "3 origins, as the source names them. Of the policy’s own answers 50.0 % are correct in unknown",
        "Of 3 kept texts of the policy, 100 % have their answer in a box.",
        "0 % of 4 expert solutions with a usable gold answer come to another answer.",
        "What the problems ask for: 4 value.",
        "Pass rate of its own",
        "own pass rate",
        "rule max_copy_rate 80%: most word 8-grams",
    ):
        assert sentence in words


def test_shares_of_an_adaptive_build_are_not_called_pass_rates(tmp_path):
    words = words_of(page_of(write(tmp_path / "r", ROWS, scheme="adaptive")))
    assert "Share of correct candidates of its own" in words
    assert words.count("these shares are no unbiased pass rates.") == 3
    assert "Pass rate of" not in words
    assert "own pass rate" not in words


def test_pass_rates_of_adaptive_sampling_are_shown_in_percent(tmp_path):
    rows = [Row(f"r{n}", "fallback", [-1.0], [-1.0], candidates=[candidate("self", k, "incorrect") for k in range(n)],
                fallback_reason="no_room") for n in (1, 3)]  # fmt: skip
    assert "% of a row’s candidates correct" in page_of(write(tmp_path / "r", rows))
