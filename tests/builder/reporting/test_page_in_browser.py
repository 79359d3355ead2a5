"""The report as a reader meets it, in a real browser."""

import json
import math

import pytest

from builder.reporting.examples import draw
from builder.reporting.page import render
from builder.reporting.statistics import collect
from scripts.browser import chromium
from tests.builder.reporting.handmade import ROWS, Row, candidate, write

ATTACK = "<img src=x onerror='window.pwned=1'></script><script>window.pwned=1</script>"
TRICKY = [
    Row("attack", "self_alignment", [-1.0], [-0.5], [-0.5], problem=ATTACK, expert_solution=ATTACK, completion=ATTACK,
        source=f"made-up {ATTACK}", candidates=[candidate("self", 0, "correct", text=ATTACK)]),
    Row("maths", "self_alignment", [-1.0], [-0.5], [-0.5], problem="Is $\\frac{1}{2} \\le x^2$, or \\boxed{7}?",
        expert_solution="She pays $5 and gets $2 back. So $\\unheardof{x}$ it is, [asy]draw((0,0)--$(1,1)$);[/asy]",
        candidates=[candidate("self", 0, "correct")]),
    Row("endless", "fallback", [-math.inf, -1.0], [-math.inf, -1.0], fallback_reason="unverifiable",
        problem="word" * 200, expert_solution=f"${'x + ' * 200}1$"),
]  # fmt: skip


CLASHES = """
const clashes = [];
for (const svg of [...document.querySelectorAll("figure svg")].filter((svg) => svg.checkVisibility())) {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].map((t) => [t.textContent, t.getBoundingClientRect()]);
  texts.forEach(([text, a], n) => {
    if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.bottom > frame.bottom + 1) clashes.push(text);
    for (const [other, b] of texts.slice(n + 1)) {
      const apart = a.right <= b.left || b.right <= a.left || a.bottom - 3 <= b.top || b.bottom - 3 <= a.top;
      if (!apart) clashes.push(`${text} / ${other}`);
    }
  });
}
return clashes;"""
UNDERSTOOD = """
const found = { formulas: 0, unsupported: 0, lost: 0 };
for (const text of arguments[0]) {
  const parts = segments(text);
  found.lost += parts.map((part) => part.text).join("") !== text;
  for (const part of parts.filter((part) => typeof part.source === "string")) {
    found.formulas += 1;
    try { formula(part.source, part.display); } catch (error) { found.unsupported += 1; }
  }
}
return found;"""


@pytest.fixture(scope="module")
def browser(page):
    try:
        with chromium() as running:
            running.open(page)
            yield running
    except LookupError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    release = write(folder / "release", [*ROWS, *TRICKY])
    file = folder / "report.html"
    file.write_text(render(release, collect(release), draw(release, 100, 0)), encoding="utf-8")
    return file


def choose(browser, control, value):
    script = "const node = document.getElementById(arguments[0]); node.value = arguments[1];"
    browser.run(script + "node.dispatchEvent(new Event('input'))", control, value)


def listed(browser):
    return [text.split("\n")[0] for text in browser.texts("#example-list li")]


def show(browser, row):
    browser.find(f"#example-list li[data-id='{row}']").click()


def test_it_renders_without_a_complaint_or_a_request(browser, page):
    browser.open(page)
    assert browser.complaints() == []
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.run("return scrollY") == 0
    shown = browser.run("return [...document.querySelectorAll('figure svg')].filter(s => s.checkVisibility()).length")
    assert shown == 21
    assert browser.texts("h1") == ["release"]


def test_filters_narrow_the_list_together_and_can_be_reset(browser, page):
    browser.open(page)
    everything = ["a", "b", "c", "d", "attack", "maths", "endless"]
    assert listed(browser) == everything
    choose(browser, "stage", "self_alignment")
    assert listed(browser) == ["a", "b", "attack", "maths"]
    choose(browser, "source", "made-up")
    assert listed(browser) == ["a", "maths"]
    choose(browser, "passed", "sometimes")
    assert listed(browser) == ["a"]
    assert browser.texts("#matches") == ["1 of 7 examples"]
    choose(browser, "passed", "never")
    assert listed(browser) == []
    assert "No example matches" in browser.texts("#example")[0]
    browser.find("#reset").click()
    assert listed(browser) == everything
    choose(browser, "passed", "never")
    assert listed(browser) == ["c", "d"]  # not `endless`, for which nothing was drawn


def test_search_reads_texts_and_ids_whatever_their_case(browser, page):
    browser.open(page)
    browser.find("#search").send_keys("PAYS $5")
    assert listed(browser) == ["maths"]
    browser.find("#search").clear()
    choose(browser, "search", "attac")
    assert listed(browser) == ["attack"]


def test_it_works_from_the_keyboard(browser, page):
    browser.open(page)
    selected = "return document.querySelector('#example-list li[aria-selected=true]').dataset.id"
    body = browser.find("body")
    for keys, expected in (("jj", "c"), ("k", "b"), ("kkkk", "a")):
        body.send_keys(keys)
        assert browser.run(selected) == expected
    body.send_keys("/")
    assert browser.run("return document.activeElement.id") == "search"
    browser.find("#search").send_keys("j")  # is a letter here
    choose(browser, "search", "")
    assert browser.run(selected) == "a"
    browser.find("#example-list").send_keys("\ue015\ue015")  # arrow down
    assert browser.run(selected) == "c"
    browser.find("#example-list").send_keys("\ue010")  # end
    assert browser.run(selected) == "endless"


def test_a_row_shows_its_candidates_with_verdicts_and_reasons(browser, page):
    browser.open(page)
    show(browser, "c")
    found = [text.replace("\n", " ") for text in browser.texts(".candidate summary")]
    assert len(found) == 4
    assert "timeout" in found[0]
    assert "not kept: truncated" in found[1]
    assert "cut off" in found[1]
    assert "correct kept" in found[2].replace("✓ ", "")
    assert "not kept: copies reference" in found[3]
    browser.find(".candidate summary").click()
    browser.run("return new Promise(done => setTimeout(done, 50))")
    assert browser.texts(".candidate[open] .prose") == ["It is \n2\n."]
    show(browser, "d")
    assert browser.texts(".text h4") == ["Problem", "Expert text, kept"]


def test_text_is_never_taken_for_html(browser, page):
    browser.open(page)
    show(browser, "attack")
    browser.find(".candidate summary").click()
    browser.run("return new Promise(done => setTimeout(done, 50))")
    assert browser.texts(".prose") == [ATTACK] * 4
    assert browser.run("return [document.querySelectorAll('img').length, window.pwned ?? null]") == [0, None]
    assert browser.complaints() == []


def test_an_injected_script_would_not_run(browser, page):
    browser.open(page)
    browser.run(
        "const s = document.createElement('script'); s.textContent = 'window.pwned = 1'; document.body.append(s)"
    )
    assert browser.run("return window.pwned ?? null") is None
    assert "Content Security Policy" in browser.complaints()[0]


def test_mathematics_is_typeset_and_money_is_not(browser, page):
    browser.open(page)
    show(browser, "maths")
    problem = browser.run("return document.querySelector('.problem .prose').innerHTML")
    assert problem.count("<math") == 2
    assert problem.count('class="together"') == 2  # with the comma and the question mark that follow
    assert "<mfrac>" in problem
    assert "<msup>" in problem
    expert = browser.run("return document.querySelector('.text.expert .prose').innerHTML")
    assert "She pays $5 and gets $2 back. So <code>$\\unheardof{x}$</code>" in expert
    assert "<code>[asy]draw((0,0)--$(1,1)$);[/asy]</code>" in expert
    browser.find("#typeset").click()
    assert browser.texts(".problem .prose") == ["Is $\\frac{1}{2} \\le x^2$, or \\boxed{7}?"]


def test_real_mathematics_is_understood_and_no_text_is_lost(browser, shared_data):
    rows = [json.loads(line) for line in (shared_data / "math500.jsonl").read_text().splitlines()]
    found = browser.run(UNDERSTOOD, [row[key] for row in rows for key in ("problem", "solution")])
    assert found["lost"] == 0
    assert found["formulas"] > 4000
    assert found["unsupported"] / found["formulas"] < 0.005


@pytest.mark.parametrize(
    ("latex", "mathml"),
    [
        ("\\frac12", "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"),
        ("x^10", "<msup><mi>x</mi><mrow><mn>1</mn></mrow></msup><mn>0</mn>"),
        ("10{,}000", "<mn>10</mn><mtext>,</mtext><mn>000</mn>"),
        ("\\mathbb{R}", "<mrow><mi>ℝ</mi></mrow>"),
        ("f'(x)", '<msup><mi>f</mi><mrow><mo>′</mo></mrow></msup><mo stretchy="false">(</mo>'),
        ("{n \\choose 2}", '<mfrac linethickness="0"><mrow><mi>n</mi></mrow><mrow><mn>2</mn></mrow></mfrac>'),
        ("\\text{if }x", "<mtext>if&nbsp;</mtext><mi>x</mi>"),
        ("\\begin{cases} 1 \\\\ 2 \\end{cases}", '<mtd class="column-l"><mn>2</mn></mtd>'),
        ("\\sum_{i}", '<munder><mo data-limits="">∑</mo>'),
        ("<b>", "<mo>&lt;</mo><mi>b</mi><mo>&gt;</mo>"),
    ],
)
def test_latex_becomes_mathml(browser, latex, mathml):
    assert mathml in browser.run("return formula(arguments[0], false).outerHTML", latex)


@pytest.mark.parametrize("latex", ["\\frac{1}", "{x", "x}", "\\left( x", "\\begin{cases} 1", "x & \\unheardof", "^"])
def test_latex_that_is_not_understood_is_said_so(browser, latex):
    script = "try { formula(arguments[0]); return 'understood'; } catch (e) { return e.constructor.name; }"
    assert browser.run(script, latex) == "Unsupported"


@pytest.mark.parametrize("row", ["c", "maths", "endless"])
def test_a_narrow_screen_has_nothing_to_scroll_sideways(browser, page, row):
    browser.open(page, width=360)
    show(browser, row)
    assert browser.run("return document.documentElement.scrollWidth") <= 360
    assert browser.run("return document.querySelector('.at-wide').checkVisibility()") is False


@pytest.mark.parametrize("width", [1280, 700, 360])
def test_no_label_of_a_plot_is_cut_off_or_covers_another(browser, page, width):
    browser.open(page, width=width)
    assert browser.run(CLASHES) == []


def test_dark_follows_the_system_and_can_be_switched(browser, page):
    background = "return getComputedStyle(document.body).backgroundColor"
    browser.open(page)
    light = browser.run(background)
    browser.find("#theme").click()
    switched = browser.run(background)
    browser.open(page, dark=True)
    dark = browser.run(background)
    browser.find("#theme").click()
    assert (switched, browser.run(background)) == (dark, light)
    assert light != dark


DIFFERENCES = """
return arguments[0].map(([text, other]) => {
  const parts = differences(text, other);
  return [parts.map(([, part]) => part).join(""), parts.filter(([shared]) => !shared).map(([, part]) => part.trim())];
});"""


def test_words_that_only_one_text_has_are_found(browser):
    pairs = [
        ["so 2 + 2 = 4 apples", "so 2 + 3 = 5 apples"],
        ["the same", "the same"],
        ["a b c d", "b d"],
        ["", "words"],
        ["  x \n y ", ""],
    ]
    found = browser.run(DIFFERENCES, pairs)
    assert [joined.strip() for joined, _ in found] == [text.strip() for text, _ in pairs]
    assert [only for _, only in found] == [["2", "4"], [], ["a", "c"], [], ["x \n y"]]


def test_what_was_changed_is_shown_on_demand(browser):
    marks = "return document.querySelectorAll('#example mark').length"
    assert browser.run(marks) == 0
    browser.run("byId('reset').click(); byId('differences').click(); show(examples.find((row) => row.id === 'c'))")
    assert browser.run(marks) == 2  # a word of each text
    browser.run("byId('differences').click()")


def test_tokens_are_not_offered_where_their_texts_are_not_known(browser):
    assert browser.run("return document.getElementById('tokens')") is None
    assert "the tokenizer of me/tiny is not on the machine that wrote this." in browser.texts(".note")[-1]


def test_rows_worth_looking_at_can_be_picked(browser):
    browser.run("controls.reason.value = 'leans most on the expert'; filter()")
    assert browser.run("return shown.map((row) => row.id)") == ["c"]
    browser.run("byId('reset').click()")
