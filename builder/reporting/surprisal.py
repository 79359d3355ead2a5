"""Figures about excess surprisal, −log π minus the policy's entropy: how foreign a text is to the policy.

0 in expectation for what the policy itself writes, however sharp it is; positive for foreign text. Log-probs alone say
how sharp the policy is, too.
"""

from builder.reporting.figure import STAGE_NAMES, TEXT_NAMES, Figure, of_histogram, of_stages
from builder.reporting.numbers import UNKNOWN, real
from builder.reporting.statistics import ALL, Statistics

_GUIDED = "guided_alignment"
_NOT_MEASURED = "Not measured: built with --no-entropies, or by a version that had none."


def is_measured(s: Statistics) -> bool:
    """Whether a release has excess surprisals."""
    return s.summary["logprobs"][ALL].get("kept_excess") is not None


def by_stage(s: Statistics) -> Figure:
    """Mean excess surprisal before and after, by stage."""
    title, means = "Excess surprisal per token, before and after", s.summary["logprobs"]
    if not is_measured(s):
        return Figure(title, _NOT_MEASURED)
    before, after = means[ALL]["expert_excess"], means[ALL]["kept_excess"]
    return of_stages(
        title,
        f"Over all rows, {real(before)} nats per token for expert text (grey, D) and {real(after)} for kept text (in "
        f"colour, D′). The policy’s own samples have 0, foreign text has more.{_bound(s)}",
        "Mean excess surprisal per token of expert and kept text by stage",
        {stage: (found["expert_excess"], found["kept_excess"]) for stage, found in means.items()},
    )


def by_row(s: Statistics) -> Figure:
    """Excess surprisal of every row's texts."""
    title = "Excess surprisal of every row"
    if not is_measured(s):
        return Figure(title, _NOT_MEASURED)
    above = s.excess.medians
    return of_histogram(
        title,
        f"The median row goes from {real(above['expert'])} to {real(above['kept'])} nats per token. Right of the "
        "dotted line, a text is less likely than what the policy would write in its place.",
        s.excess,
        TEXT_NAMES,
        "excess surprisal per token of a row, nats",
        mark=0,
    )


def hints(s: Statistics) -> Figure:
    """How much retellings lean on the expert's solution."""
    title = "How much retellings lean on the expert"
    if not s.hint_reliance.medians:
        return Figure(title, "No retelling was kept, or it is not known what it was drawn from.")
    return of_histogram(
        title,
        f"The expert’s solution in the prompt makes the median retelling {real(s.hint_reliance.medians[_GUIDED])} nats "
        "a token likelier than the plain prompt does: that much of it the policy took from the hint.",
        s.hint_reliance,
        STAGE_NAMES,
        "behavior minus policy log-prob, nats per token",
    )


def excess_of(means: dict[str, float | None]) -> tuple[str, str]:
    """Excess surprisal per token of expert and of kept text, for a table."""
    return tuple(UNKNOWN if means.get(key) is None else real(means[key], 3) for key in ("expert_excess", "kept_excess"))


def _bound(s: Statistics) -> str:
    bound = s.summary["logprobs"][ALL]["entropy_bound"]
    return f" Entropies are estimated: a mean is off by at most {real(bound)}." if bound else ""
