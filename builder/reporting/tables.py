"""The tables and lists of facts of a report."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from typing import Any

from builder.machine.display import duration
from builder.method.rule_words import rules_in_words, whose_rules
from builder.reporting.figure import STAGE_NAMES
from builder.reporting.numbers import UNKNOWN, count, counted, real, share, weight
from builder.reporting.policy_gap import LEVELS, Weights
from builder.reporting.statistics import ALL, Statistics
from builder.reporting.surprisal import excess_of, is_measured

Facts = list[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows of text under a heading for each group."""

    title: str
    note: str
    head: tuple[str, ...]
    groups: dict[str, list[tuple[str, ...]]]


def brief(s: Statistics, manifest: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The figures to remember: what, value, a smaller addition."""
    stages = s.summary["stages"]
    rewritten = stages[ALL] - stages["fallback"]
    before, after = (real(exp(found.log_quantiles[2])) for found in s.rows[ALL].mean)
    cost = manifest["cost"]
    per_row = count(cost["sampled_tokens"] / rewritten) if rewritten else UNKNOWN
    return [
        ("rows rewritten by the policy", share(rewritten, stages[ALL]), f"of {count(stages[ALL])}"),
        _gap(s),
        ("median importance weight of a row, D\u00a0→\u00a0D′", f"{before} → {after}", ""),
        ("tokens sampled per rewritten row", per_row, ""),
    ]  # fmt: skip


def _gap(s: Statistics) -> tuple[str, str, str]:
    means = s.summary["logprobs"][ALL]
    what, key = ("excess surprisal", "excess") if is_measured(s) else ("log-prob", "per_token")
    values = f"{real(means[f'expert_{key}'])} → {real(means[f'kept_{key}'])}"
    return f"mean {what} per token, D\u00a0→\u00a0D′", values, "nats"


def logprobs(s: Statistics) -> Table:
    """Table 3 of the paper, per sequence and per token."""
    keys = ("expert_per_token", "kept_per_token", "expert_sum", "kept_sum")
    rows = []
    for stage, means in s.summary["logprobs"].items():
        values = tuple(real(means[key], 3) for key in keys)
        name, number = STAGE_NAMES.get(stage, "all rows"), count(s.summary["stages"][stage])
        rows.append((name, number, *excess_of(means), *values))
    return Table(
        "Mean excess surprisal and log-prob under the target policy",
        "Nats per token, and the sums of log-probs that the paper’s Table 3 has: they are confounded by length.",
        ("stage", "rows", "excess, D", "excess, D′", "log-prob, D", "log-prob, D′", "sum, D", "sum, D′"),
        {"": rows},
    )


def weights(s: Statistics) -> tuple[Table, Table]:
    """Every set of importance weights: how many, effective sample size, mean, quantiles; over all rows and by stage."""
    groups = {}
    for name, of_rows in s.rows.items():
        title = STAGE_NAMES.get(name, "all rows")
        lines = [
            ("D, rows, geometric mean, denominator 1", of_rows.mean[0]),
            ("D′, rows, geometric mean, denominator 1", of_rows.mean[1]),
            ("D, rows, product, denominator 1", of_rows.product[0]),
            ("D′, rows, product, denominator 1", of_rows.product[1]),
            ("D′, tokens, denominator 1", s.tokens.unit.get(name)),
            ("D′, tokens, stored denominator", s.tokens.stored.get(name)),
            ("D′, rows, product, stored denominator", s.tokens.stored_rows.get(name)),
        ]
        groups[title] = [_weights_row(line, found) for line, found in lines]
    head = ("weight of", "n", "ESS / n", "ESS", "mean", *(f"{level * 100:g} %" for level in LEVELS))
    return Table(
        "Importance weights, all rows",
        "n: rows or tokens with such a weight. Expert text has none with a stored denominator, and its tokens’ "
        "log-probs are stored only where it was kept, so that D has no lines for tokens.",
        head,
        {"": groups.pop("all rows")},
    ), Table("Importance weights by stage", "", head, groups)


def _weights_row(name: str, found: Weights | None) -> tuple[str, ...]:
    if found is None:
        return (name, "0", *[UNKNOWN] * (3 + len(LEVELS)))
    in_effect = found.count * found.effective
    quantiles = (weight(q) for q in found.log_quantiles)
    small = real(in_effect, 1) if in_effect < 100 else count(in_effect)
    return (name, count(found.count), share(found.effective), small, weight(found.log_mean), *quantiles)


def rejected(s: Statistics) -> str:
    """A sentence about source rows that were left out."""
    reasons = s.summary["rejected"]
    if not reasons:
        return "No source row was left out."
    listing = ", ".join(f"{count(n)} {reason.replace('_', ' ')}" for reason, n in reasons.items())
    return f"Left out of the source, each with its reason: {listing}."


def cost(s: Statistics, manifest: Mapping[str, Any]) -> Facts:
    """What the build took."""
    spent, stages = manifest["cost"], s.summary["stages"]
    sampled, seconds = spent["sampled_tokens"], spent["seconds"]
    rewritten = stages[ALL] - stages["fallback"]
    return [
        ("time", f"{duration(seconds)} in {counted(spent['sessions'], 'session')}"),
        ("tokens sampled", f"{count(sampled)}, {count(sampled / seconds) if seconds else UNKNOWN} a second"),
        ("tokens scored", count(spent["scored_tokens"])),
        ("candidates", f"{count(s.summary['candidates'])}, {count(s.summary['truncated'])} truncated"),
        ("tokens sampled per row", count(sampled / stages[ALL])),
        ("tokens sampled per rewritten row", count(sampled / rewritten) if rewritten else UNKNOWN),
        ("seconds per rewritten row", real(seconds / rewritten) if rewritten else UNKNOWN),
    ]


def settings(manifest: Mapping[str, Any]) -> Facts:
    """What determines the outcome."""
    target, sampling, rules = manifest["target"], manifest["sampling"], manifest["rules"]
    return [
        ("target", f"{target['model']} at {target['revision']}, {target['dtype']}"),
        *(("source", " at ".join(filter(None, (s["name"], s["revision"])))) for s in manifest["sources"]),
        ("sampling", f"{sampling['candidates']} candidates a phase, temperature {sampling['temperature']:g}, "
                     f"top_p {sampling['top_p']:g}, at most {count(sampling['max_tokens'])} tokens"),
        ("seed", str(manifest["seed"])),
        *([("kept", f"{made['meaning']}, from {made['parent']['name']}")] if (made := manifest.get("reselection"))
          else []),
        *([("rules", whose)] if (whose := whose_rules(rules)) else []),
        *((f"rule {name}", f"{setting}: {meaning}") for name, setting, meaning in rules_in_words(rules)),
        ("engine", manifest["engine"]),
        ("verifier", f"{manifest['verifier']['version']}, deadline {manifest['verifier']['deadline_seconds']:g} s"),
        ("log-probs", manifest["logprob_mode"]),
        ("libraries", ", ".join(f"{name} {version}" for name, version in manifest["libraries"].items())),
    ]  # fmt: skip
