"""What a report shows: every figure with its title, what one learns from it, and the numbers behind it."""

from collections.abc import Mapping
from functools import partial
from math import exp
from typing import Any

from builder.release.pass_rates import is_adaptive
from builder.release.records import STAGES
from builder.reporting import charts, checks, surprisal
from builder.reporting.figure import STAGE_NAMES, TEXT_NAMES, Figure, of_histogram, of_stages
from builder.reporting.numbers import count, counted, real, share, weight
from builder.reporting.statistics import ALL, PHASES, Statistics

_PHASE_STAGE = dict(zip(PHASES, STAGES, strict=False))
_PHASE_NAMES = {"self": "plain prompt", "guided": "guided prompt"}


def figures(s: Statistics, manifest: Mapping[str, Any]) -> dict[str, Figure]:
    """All figures of a report, by name."""
    return {
        "stages": _stages(s),
        "excess": surprisal.by_stage(s),
        "excess_rows": surprisal.by_row(s),
        "hints": surprisal.hints(s),
        "changes": _changes(s),
        "per_token": _per_token(s),
        "per_sequence": _per_sequence(s),
        "change": _change(s),
        "weights": _weights(s),
        "log_ratios": _log_ratios(s),
        **{f"pass_{phase}": _pass_rates(s, phase, adaptive=is_adaptive(manifest)) for phase in PHASES},
        **{f"verdicts_{phase}": _verdicts(s, phase) for phase in PHASES},
        "sources": checks.sources(s),
        "origins": checks.origins(s, manifest),
        "answer_forms": checks.answer_forms(s),
        "checked": checks.checked(s),
        "fallback_reasons": _fallback_reasons(s),
        "lengths": _lengths(s),
        "copy_rates": _copy_rates(s, manifest["rules"]["max_copy_rate"]),
    }


def _stages(s: Statistics) -> Figure:
    stages = {stage: s.summary["stages"][stage] for stage in STAGES}
    total = s.summary["stages"][ALL]
    return Figure(
        "Who wrote D′",
        f"{share(total - stages['fallback'], total)} of {counted(total, 'row')} carry text of the target policy: "
        f"{counted(stages['self_alignment'], 'answer')} of its own and "
        f"{counted(stages['guided_alignment'], 'retelling')}. The expert’s text stays in "
        f"{counted(stages['fallback'], 'row')}.",
        lambda width: charts.stacked_bars("Rows by stage", {"D′": stages}, STAGE_NAMES, width),
        ("stage", "rows", "share"),
        tuple((STAGE_NAMES[stage], count(n), share(n, total)) for stage, n in stages.items()),
    )


def _changes(s: Statistics) -> Figure:
    means = s.summary["logprobs"]
    gain = means[ALL]["kept_per_token"] - means[ALL]["expert_per_token"]
    return of_stages(
        "Mean log-prob per token, before and after",
        f"Over all rows, kept text is {real(abs(gain))} nats per token {'more' if gain >= 0 else 'less'} likely under "
        "the target policy than expert text. Grey: expert text, D; in colour: kept text, D′. "
        "Fallback rows do not move.",
        "Mean log-prob per token of expert and kept text by stage",
        {stage: (found["expert_per_token"], found["kept_per_token"]) for stage, found in means.items()},
    )


def _per_token(s: Statistics) -> Figure:
    before, after = s.per_token.medians["expert"], s.per_token.medians["kept"]
    return of_histogram(
        "Log-prob per token of every row",
        f"The median row goes from {real(before)} to {real(after)} nats per token. "
        "Right is closer to the target policy.",
        s.per_token,
        TEXT_NAMES,
        "mean log π per token of a row, nats",
    )


def _per_sequence(s: Statistics) -> Figure:
    lengths = s.tokens_per_text.medians
    return of_histogram(
        "Log-prob of every row’s sequence",
        "The sum over tokens, which the paper’s Table 3 and Figure 3 show. It is confounded by length: the median "
        f"expert text has {count(lengths['expert'])} tokens, the median kept text {count(lengths['kept'])}.",
        s.per_sequence,
        TEXT_NAMES,
        "log π of the whole text, nats",
    )


def _change(s: Statistics) -> Figure:
    title, rewritten = "How far each rewritten row moved", sum(sum(v) for v in s.change.counts.values())
    if not rewritten:
        return Figure(title, "No row was rewritten.")
    fell = sum(s.less_likely.values())
    return of_histogram(
        title,
        f"{share(fell, rewritten)} of the rewritten rows ({count(fell)} of {count(rewritten)}) lie left of the dotted "
        "line: there the kept text is less likely per token than the expert’s was.",
        s.change,
        STAGE_NAMES,
        "kept minus expert, nats per token",
        mark=0,
    )


def _weights(s: Statistics) -> Figure:
    lines = []
    for name, of_rows in s.rows.items():
        title = STAGE_NAMES.get(name, "all rows")
        lines += [(f"D, {title}", "expert", of_rows.mean[0])]
        if name != "fallback":
            lines += [(f"D′, {title}", "kept" if name == ALL else name, of_rows.mean[1])]
    before, after = (real(exp(found.log_quantiles[2]), 2) for found in s.rows[ALL].mean)
    return Figure(
        "Importance weight of a row",
        f"The median weight goes from {before} to {after}. A row’s weight is here the geometric mean of π(token) over "
        "its text, denominator 1, which D and D′ both have. Thin line: 5th to 95th percentile; bar: 25th to 75th; dot: "
        "median. Effective sample size (ESS) says how even the weights are, not how large.",
        partial(charts.intervals, "Quantiles of importance weights of rows", lines, "geometric mean of π(token)"),
        ("set", "rows", "ESS / n", "5 %", "25 %", "median", "75 %", "95 %"),
        tuple(
            (name, count(w.count), share(w.effective), *(real(exp(q), 3) for q in w.log_quantiles))
            for name, _, w in lines
        ),
    )


def _log_ratios(s: Statistics) -> Figure:
    title = "What the guided prompt gave away"
    if not s.log_ratios.medians:
        return Figure(title, "No retelling was kept, so no row was drawn from another distribution than the policy’s.")
    median, found = s.log_ratios.medians["guided_alignment"], s.tokens.stored_rows["guided_alignment"]
    return of_histogram(
        title,
        "Retellings were drawn with the expert’s solution in the prompt (β). Without it (π) the policy finds the "
        f"median retelling {weight(abs(median))} times {'less' if median < 0 else 'more'} likely. With these weights "
        f"the effective sample size is {share(found.effective)} of {counted(found.count, 'retelling')}. "
        "Dotted line: equal.",
        s.log_ratios,
        STAGE_NAMES,
        "log π(text) − log β(text), nats",
        mark=0,
    )


def _pass_rates(s: Statistics, phase: str, *, adaptive: bool) -> Figure:
    rates, of_phase = s.pass_rates[phase], {"self": "of its own", "guided": "with the solution shown"}[phase]
    title = f"{'Share of correct candidates' if adaptive else 'Pass rate'} {of_phase}"
    if not rates:
        return Figure(title, f"No candidate was drawn from the {_PHASE_NAMES[phase]}.")
    total, (never, *_, always) = sum(rates.values()), rates.values()
    x_name = "% of a row’s candidates correct" if "100 %" in rates else "correct candidates of a row"
    return Figure(
        title,
        f"Of {counted(total, 'problem')} tried from the {_PHASE_NAMES[phase]}, {share(never, total)} were never solved "
        f"and {share(always, total)} always." + (checks.NO_PASS_RATE if adaptive else ""),
        partial(charts.columns, title, rates, _PHASE_STAGE[phase], x_name),
        ("correct", "rows", "share"),
        tuple((name, count(n), share(n, total)) for name, n in rates.items()),
    )


def _verdicts(s: Statistics, phase: str) -> Figure:
    title = f"What became of the candidates, {_PHASE_NAMES[phase]}"
    if phase not in s.drawn:
        return Figure(title, f"No candidate was drawn from the {_PHASE_NAMES[phase]}.")
    drawn = s.drawn[phase]
    outcomes = {"may be kept": drawn.count - sum(drawn.not_kept.values()), **drawn.not_kept}
    outcomes = {name.replace("_", " "): n for name, n in outcomes.items()}
    rows = [(f"outcome: {name}", n) for name, n in outcomes.items()]
    rows += [(f"verdict: {name}", n) for name, n in drawn.verdicts.items()] + [("truncated", drawn.truncated)]
    verdicts = ", ".join(f"{count(n)} {name.replace('_', ' ')}" for name, n in drawn.verdicts.items())
    return Figure(
        title,
        f"{share(drawn.truncated, drawn.count)} of {counted(drawn.count, 'candidate')} were truncated. "
        f"The verifier’s verdicts: {verdicts}. A time-out or an error says nothing about the text.",
        lambda width: charts.bars(title, outcomes, _PHASE_STAGE[phase], width, drawn.count),
        ("candidates", "number", "share"),
        tuple((name, count(n), share(n, drawn.count)) for name, n in rows),
    )


def _fallback_reasons(s: Statistics) -> Figure:
    title, reasons = "Why expert text stayed", s.summary["fallback_reasons"]
    if not reasons:
        return Figure(title, "Every row was rewritten.")
    total, named = sum(reasons.values()), {name.replace("_", " "): n for name, n in reasons.items()}
    return Figure(
        title,
        f"Fallback in {counted(total, 'row')}. Unverifiable: the gold answer cannot be parsed. No room: the guided "
        "prompt would not have fitted into the context.",
        lambda width: charts.bars(title, named, "fallback", width, total),
        ("source", "reason", "rows"),
        tuple(
            (source, reason.replace("_", " "), count(n))
            for source, of_source in s.source_fallback.items()
            for reason, n in of_source.items()
        ),
    )


def _lengths(s: Statistics) -> Figure:
    before, after = s.tokens_per_text.medians["expert"], s.tokens_per_text.medians["kept"]
    return of_histogram(
        "Tokens per text",
        f"The median text goes from {count(before)} to {count(after)} tokens, the end-of-turn token included.",
        s.tokens_per_text,
        TEXT_NAMES,
        "tokens",
    )


def _copy_rates(s: Statistics, most: float | None) -> Figure:
    title = "How much retellings copy"
    if not s.copy_rates.medians:
        return Figure(title, "No retelling was kept.")
    rule = "No rule limits it here." if most is None else f"Above {most:g} a retelling is not kept."
    return of_histogram(
        title,
        "Share of a kept retelling’s word 8-grams that stand in the expert’s solution; median "
        f"{real(s.copy_rates.medians['guided_alignment'])}. {rule}",
        s.copy_rates,
        STAGE_NAMES,
        "copy rate",
        mark=most,
    )
