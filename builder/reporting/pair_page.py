"""The page about two releases: what is said of them, and the same HTML around it as a report has."""

from collections.abc import Callable, Iterator
from typing import Any

from builder.release.pass_rates import is_adaptive
from builder.release.records import STAGES
from builder.reporting import charts, findings
from builder.reporting.figure import STAGE_NAMES, Figure, of_histogram, of_stages
from builder.reporting.histograms import Histogram
from builder.reporting.means import Mean
from builder.reporting.numbers import UNKNOWN, count, counted, real, share
from builder.reporting.page import page
from builder.reporting.pair import Pair
from builder.reporting.statistics import ALL, Statistics
from builder.reporting.tables import Table

_NAMES = {"expert": "A", "kept": "B"}  # in the colours of before and after
_BOTH = ("A", "B")

Form = tuple[Callable[[float], str], Callable[[float], str]]
"""How a value and how a difference looks."""
_COUNT: Form = (count, lambda d: _signed(d, count(abs(d))))
_SHARE: Form = (share, lambda d: _signed(d, f"{real(100 * abs(d), 1)} points"))
_NATS: Form = (lambda v: real(v, 3), lambda d: _signed(d, real(abs(d), 3)))
Line = tuple[str, Callable[[Statistics], float | None], Form]


def render_pair(pair: Pair, rows: list[dict[str, Any]]) -> str:
    """The page of two releases, as HTML.

    Args:
        pair: what is known of both.
        rows: those that changed, to browse.
    """
    found = pair.comparison
    return page(
        "pair.html",
        "changes.js",
        rows,
        names=[release.title for release in pair.releases],
        manifests=[release.manifest for release in pair.releases],
        headline=headline(pair),
        warnings=list(_warnings(pair)),
        brief=_brief(pair),
        numbers=_numbers(pair),
        moves=_moves(pair),
        figures=_figures(pair),
        comparison=found,
        rows_shown=len(rows),
        changed=len({*found.moved, *found.rewritten}),
        stages=STAGE_NAMES,
    )


def headline(pair: Pair) -> str:
    """One sentence: which of the two is closer to the policy, how sure is that, and over which rows."""
    common, found = pair.comparison.rows["common"], pair.comparison
    if not common:
        return "The two have no row in common."
    if not (found.moved or found.rewritten):
        return f"The {counted(common, 'row')} that both have are the same, text by text."
    gap, measure = (pair.gap, "excess surprisal") if pair.gap else (pair.gap_by_logprob, "surprisal, −log π,")
    if gap is None:
        return "Which of the two is closer to the policy is not known: some texts have no finite log-prob."
    return (
        f"{_verdict(pair, gap.change)}: over the {counted(gap.change.texts, 'row')} that both have, {measure} goes "
        f"from {real(gap.before.value)} to {real(gap.after.value)} nats per token ({findings.interval(gap)})."
    )


def _verdict(pair: Pair, change: Mean) -> str:
    if not pair.comparison.same_policy:
        return "Each under its own policy"
    if change.high < 0:
        return "B is closer to the policy than A"
    return "B is farther from the policy than A" if change.low > 0 else "Which of the two is closer cannot be told"


def _warnings(pair: Pair) -> Iterator[str]:
    for name, release in zip(_BOTH, pair.releases, strict=True):
        said = [findings.interim(release.manifest), *findings.opinion(release.manifest)]
        yield from (f"{name}: {sentence}" for sentence in said if sentence)
    if not pair.comparison.same_policy:
        yield "Two different policies: what changes between them is not the text alone."
    rows = pair.comparison.rows
    if rows["added"] or rows["removed"]:
        yield (
            f"Only in A: {counted(rows['removed'], 'row')}; only in B: {counted(rows['added'], 'row')}. Numbers about "
            "all rows are not about the same problems."
        )
    if len({is_adaptive(release.manifest) for release in pair.releases}) == 2:
        yield "Only one of the two sampled adaptively: their shares of correct answers cannot be compared."


def _brief(pair: Pair) -> list[tuple[str, str, str]]:
    rows, found = pair.comparison.rows, pair.comparison
    return [
        ("rows in both", count(rows["common"]), f"of {count(rows['before'])} and {count(rows['after'])}"),
        ("of them with another text or prompt", share(len(found.rewritten), rows["common"]), ""),
        ("of them in another stage", share(len(found.moved), rows["common"]), ""),
    ]


def _numbers(pair: Pair) -> Table:
    a, b = pair.statistics
    groups = {
        group: [_line(name, get(a), get(b), form) for name, get, form in lines] for group, lines in _LINES.items()
    }
    return Table("Numbers", "About all rows of each.", ("", *_BOTH, "difference"), groups)


def _line(name: str, before: float | None, after: float | None, form: Form) -> tuple[str, str, str, str]:
    show, difference = form
    values = [UNKNOWN if value is None else show(value) for value in (before, after)]
    known = before is not None and after is not None
    return (name, *values, difference(after - before) if known else UNKNOWN)


def _signed(difference: float, size: str) -> str:
    return f"{'+' if difference > 0 else '−' if difference < 0 else '±'}{size}"


def _moves(pair: Pair) -> Table:
    rows = [(STAGE_NAMES[old], STAGE_NAMES[new], count(n)) for (old, new), n in pair.comparison.stages.items()]
    return Table("Rows that changed their stage", "", ("stage in A", "stage in B", "rows"), {"": rows})


def _figures(pair: Pair) -> dict[str, Figure]:
    stages = {
        name: {stage: s.summary["stages"][stage] for stage in STAGES}
        for name, s in zip(_BOTH, pair.statistics, strict=True)
    }
    means = {
        stage: (found["per_token"]["before"], found["per_token"]["after"])
        for stage, found in pair.comparison.logprobs.items()
    }
    return {
        "stages": Figure(
            "Who wrote the texts",
            "All rows of each.",
            lambda width: charts.stacked_bars("Rows by stage", stages, STAGE_NAMES, width),
            ("release", *STAGE_NAMES.values()),
            tuple((name, *(count(n) for n in of_release.values())) for name, of_release in stages.items()),
        ),
        "changes": of_stages(
            "Mean log-prob per token of kept text",
            "Rows that both have, by their stage in B: mean over rows. Grey: A; in colour: B.",
            "Mean log-prob per token in A and B by stage",
            means,
            _BOTH,
        )
        if means
        else Figure("Mean log-prob per token of kept text", "The two have no row in common."),
        "excess": _histogram(
            "Excess surprisal of every row’s kept text",
            "All rows of each. Right of the dotted line, a text is less likely than what the policy would write.",
            pair.excess,
            "excess surprisal per token of a row, nats",
            mark=0,
        ),
        "tokens": _histogram("Tokens of every row’s kept text", "All rows of each.", pair.tokens, "tokens"),
    }


def _histogram(title: str, caption: str, found: Histogram, x_name: str, mark: float | None = None) -> Figure:
    if not found.medians:
        return Figure(title, "Not measured in either.")
    return of_histogram(title, caption, found, _NAMES, x_name, mark)


def _mean(key: str) -> Callable[[Statistics], float | None]:
    return lambda s: s.summary["logprobs"][ALL].get(key)


def _of_rows(number: Callable[[Statistics], int]) -> Callable[[Statistics], float]:
    return lambda s: number(s) / s.summary["stages"][ALL]


def _of_stage(stage: str) -> Callable[[Statistics], float]:
    return _of_rows(lambda s: s.summary["stages"][stage])


def _boxed(s: Statistics) -> float | None:
    forms = s.summary["answer_forms"]
    return forms.get("boxed", 0) / sum(forms.values()) if forms else None


_LINES: dict[str, tuple[Line, ...]] = {
    "Rows": (
        ("rows", lambda s: s.summary["stages"][ALL], _COUNT),
        *((STAGE_NAMES[stage], _of_stage(stage), _SHARE) for stage in STAGES),
        ("left out of the source", lambda s: sum(s.summary["rejected"].values()), _COUNT),
    ),
    "Policy gap, nats per token": (
        ("excess surprisal, expert text", _mean("expert_excess"), _NATS),
        ("excess surprisal, kept text", _mean("kept_excess"), _NATS),
        ("log-prob, expert text, mean of rows", _mean("expert_per_token"), _NATS),
        ("log-prob, kept text, mean of rows", _mean("kept_per_token"), _NATS),
        ("hint reliance of retellings, median", lambda s: s.hint_reliance.medians.get("guided_alignment"), _NATS),
    ),
    "Candidates": (
        ("correct, of its own", lambda s: s.correct.get("self"), _SHARE),
        ("correct, with the solution shown", lambda s: s.correct.get("guided"), _SHARE),
        (
            "cut off",
            lambda s: s.summary["truncated"] / s.summary["candidates"] if s.summary["candidates"] else None,
            _SHARE,
        ),
    ),
    "Texts": (
        ("tokens, expert text, median", lambda s: s.tokens_per_text.medians["expert"], _COUNT),
        ("tokens, kept text, median", lambda s: s.tokens_per_text.medians["kept"], _COUNT),
        ("kept texts that no other row has", lambda s: s.distinct, _SHARE),
        ("copied by retellings, median", lambda s: s.copy_rates.medians.get("guided_alignment"), _SHARE),
        ("the policy’s texts with a boxed answer", _boxed, _SHARE),
    ),
}
