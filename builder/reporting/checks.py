"""Figures about what the rows are of, and what was checked of them: sources, origins, answers, the expert."""

from collections.abc import Mapping
from typing import Any

from builder.release.pass_rates import is_adaptive
from builder.release.records import STAGES
from builder.reporting import charts
from builder.reporting.figure import STAGE_NAMES, Figure
from builder.reporting.numbers import UNKNOWN, count, counted, share
from builder.reporting.statistics import Statistics

NO_PASS_RATE = " Sampling was adaptive: drawing stops at a success, so that these shares are no unbiased pass rates."
_MOST_SOURCES = 12


def sources(s: Statistics) -> Figure:
    """Stages by source."""
    shown = dict(list(s.sources.items())[:_MOST_SOURCES])
    rest = list(s.sources.values())[_MOST_SOURCES:]
    if rest:
        shown[f"{len(rest)} others"] = {stage: sum(v.get(stage, 0) for v in rest) for stage in STAGES}
    fallback = {name: v.get("fallback", 0) / sum(v.values()) for name, v in shown.items()}
    worst = max(fallback, key=fallback.__getitem__)
    caption = f"{worst} falls back most: {share(fallback[worst])} of its rows keep the expert’s text."
    return Figure(
        "Stages by source",
        caption if fallback[worst] else "No source falls back.",
        lambda width: charts.stacked_bars("Rows by stage for each source", shown, STAGE_NAMES, width),
        ("source", *STAGE_NAMES.values()),
        tuple((name, *(count(v.get(stage, 0)) for stage in STAGES)) for name, v in s.sources.items()),
    )


def origins(s: Statistics, manifest: Mapping[str, Any]) -> Figure:
    """Stages and own correct answers by where the source has its problems from."""
    title, found = "Stages by origin", s.summary["origins"]
    if not found:
        return Figure(title, "The source does not say where it has its problems from.")
    adaptive = is_adaptive(manifest)
    rates = {name: v["self_correct_share"] for name, v in found.items() if v["self_correct_share"] is not None}
    caption = f"{counted(len(found), 'origin')}, as the source names them."
    if rates:
        best, worst = max(rates, key=rates.__getitem__), min(rates, key=rates.__getitem__)
        caption += f" Of the policy’s own answers {share(rates[best])} are correct in {best}, {share(rates[worst])} in "
        caption += f"{worst} (mean over problems)." + (NO_PASS_RATE if adaptive else "")
    stages = {name: v["stages"] for name, v in found.items()}
    return Figure(
        title,
        caption,
        lambda width: charts.stacked_bars("Rows by stage for each origin", stages, STAGE_NAMES, width),
        ("origin", *STAGE_NAMES.values(), "unverifiable", "own answers correct" if adaptive else "own pass rate"),
        tuple(
            (
                name,
                *(count(v["stages"].get(stage, 0)) for stage in STAGES),
                count(v["fallback_reasons"].get("unverifiable", 0)),
                share(rates[name]) if name in rates else UNKNOWN,
            )
            for name, v in found.items()
        ),
    )


def answer_forms(s: Statistics) -> Figure:
    """How texts state their answers."""
    title, kept, drawn = "How answers are stated", s.summary["answer_forms"], s.summary["candidate_answer_forms"]
    if not kept:
        return Figure(title, "No text of the policy was kept, or it is not known how its answer is stated.")
    total = sum(kept.values())
    return Figure(
        title,
        f"Of {counted(total, 'kept text')} of the policy, {share(kept.get('boxed', 0), total)} have their answer in a "
        "box. Hash: a number behind ####. Stated: in words. Trailing: merely the last number or expression.",
        lambda width: charts.bars(title, kept, "kept", width, total),
        ("form", "kept", "all candidates"),
        tuple((form, count(kept.get(form, 0)), count(drawn.get(form, 0))) for form in dict.fromkeys([*kept, *drawn])),
    )


def checked(s: Statistics) -> Figure:
    """The expert's verdicts, and what the problems ask for."""
    title, verdicts, kinds = (
        "What the verifier makes of the expert",
        s.summary["expert_verdicts"],
        s.summary["answer_kinds"],
    )
    of_kinds = ", ".join(f"{count(n)} {kind}" for kind, n in kinds.items())
    asked = f" What the problems ask for: {of_kinds}." if kinds else ""
    if false := s.summary["expert_false_steps"]:
        asked += f" {counted(false, 'expert solution')} with a numeric equation that does not hold."
    if not verdicts:
        return Figure(title, f"No expert solution was judged.{asked}")
    total, named = sum(verdicts.values()), {name.replace("_", " "): n for name, n in verdicts.items()}
    rows = [(f"verdict: {name}", n) for name, n in named.items()]
    rows += [(f"asks for: {kind}", n) for kind, n in kinds.items()]
    return Figure(
        title,
        f"{share(verdicts.get('incorrect', 0), total)} of {counted(total, 'expert solution')} with a usable gold "
        f"answer come to another answer.{asked}",
        lambda width: charts.bars(title, named, "expert", width, total),
        ("rows", "number"),
        tuple((name, count(n)) for name, n in rows),
    )
