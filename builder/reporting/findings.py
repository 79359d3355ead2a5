"""What to know first about a release: did rewriting narrow the gap, how sure is that, and what to be careful with."""

from collections.abc import Iterator, Mapping
from typing import Any

from builder.release.records import STAGES
from builder.reporting.figure import STAGE_NAMES
from builder.reporting.means import Mean
from builder.reporting.numbers import count, real, share
from builder.reporting.statistics import ALL, Gap, Statistics

_MOST_TRUNCATED = 1 / 3  # of candidates
_LEAST_BOXED = 1 / 2  # of the policy's texts
_MOST_FALLBACK = 1 / 2  # of rows
_MOST_WRONG = 0.05  # of experts
_LEAST_DISTINCT = 0.9  # of texts


def headline(s: Statistics) -> str:
    """One sentence: did rewriting narrow the gap, by which measure, and where not."""
    gap, measure = (s.gap, "excess surprisal") if s.gap else (s.gap_by_logprob, "surprisal, −log π,")
    if gap is None:
        return "How far the texts are from the policy is not known: some have no finite log-prob."
    words = f"{measure} goes from {real(gap.before.value)} to {real(gap.after.value)} nats per token ({interval(gap)})"
    return f"{_verdict(gap.change)}: {words}{_exceptions(s)}."


def warnings(s: Statistics) -> list[str]:
    """What a reader should be careful with, each in a sentence; empty if there is nothing."""
    return list(_warnings(s))


def opinion(manifest: Mapping[str, Any]) -> list[str]:
    """That nothing was verified, where a model judged."""
    judge = manifest["verifier"].get("judged_by")
    return [f"Nothing here is verified: which answers are correct is the opinion of {judge}."] if judge else []


def interim(manifest: Mapping[str, Any]) -> str | None:
    """What to know about a release of a build that is not finished; None of one that is."""
    if not (found := manifest.get("interim")):
        return None
    done, left = found["finished"], found["unfinished"]
    if not left:
        return f"Interim: all {count(done)} rows are finished; the release itself comes from the build’s own command."
    return (
        f"Interim, of an unfinished build: {count(done)} of {count(done + left)} rows are finished "
        f"({share(done, done + left)}); the other {count(left)} are not in this report."
        f"{_pace(manifest['cost'], done)} Rows that are solved soon finish first, so that stages, pass rates and the "
        "gap will still move. The cost includes what was drawn for unfinished rows."
    )


def _pace(cost: Mapping[str, Any], finished: int) -> str:
    if not (seconds := cost["seconds"]):
        return ""
    tokens = count(cost["sampled_tokens"] / seconds)
    return f" So far {count(3600 * finished / seconds)} rows an hour, {tokens} sampled tokens a second."


def _verdict(change: Mean) -> str:
    if change.high < 0:
        return "Rewriting narrowed the gap"
    return "Rewriting widened the gap" if change.low > 0 else "Whether rewriting narrowed the gap cannot be told"


def interval(gap: Gap) -> str:
    """A change with its 95 % interval, in words."""
    if gap.change.texts < 2:
        return "one row"
    return f"a change of {real(gap.change.value)}, 95 % interval {real(gap.change.low)} to {real(gap.change.high)}"


def _exceptions(s: Statistics) -> str:
    """Stages that rewrite and yet moved away."""
    means = s.summary["logprobs"]
    before, after = ("expert_excess", "kept_excess") if s.gap else ("expert_per_token", "kept_per_token")
    sign = 1 if s.gap else -1
    away = [
        STAGE_NAMES[stage]
        for stage in STAGES
        if stage != "fallback" and stage in means and sign * (means[stage][after] - means[stage][before]) > 0
    ]
    return f"; rows of {' and '.join(away)} moved away" if away else ""


def _warnings(s: Statistics) -> Iterator[str]:
    stages, means = s.summary["stages"], s.summary["logprobs"][ALL]
    drawn, truncated = s.summary["candidates"], s.summary["truncated"]
    if drawn and truncated / drawn > _MOST_TRUNCATED:
        yield (
            f"{share(truncated, drawn)} of the candidates were cut off at the length limit: the policy solves more "
            "than these numbers say, or rambles."
        )
    if stages["fallback"] / stages[ALL] > _MOST_FALLBACK:
        yield f"{share(stages['fallback'], stages[ALL])} of the rows keep the expert’s text: D′ is mostly D."
    if (means["kept_sum"] - means["expert_sum"]) * (means["kept_per_token"] - means["expert_per_token"]) < 0:
        yield (
            "Whole texts and single tokens disagree: log-probs of sequences go from "
            f"{real(means['expert_sum'], 1)} to {real(means['kept_sum'], 1)}, of tokens from "
            f"{real(means['expert_per_token'])} to {real(means['kept_per_token'])}. Lengths changed."
        )
    forms = s.summary.get("answer_forms") or {}
    if (texts := sum(forms.values())) and forms.get("boxed", 0) / texts < _LEAST_BOXED:
        yield f"Only {share(forms.get('boxed', 0), texts)} of the policy’s texts put the answer in a box."
    verdicts = s.summary.get("expert_verdicts") or {}
    if (judged := sum(verdicts.values())) and verdicts.get("incorrect", 0) / judged > _MOST_WRONG:
        yield f"{share(verdicts['incorrect'], judged)} of the expert solutions contradict their own gold answer."
    if s.distinct < _LEAST_DISTINCT:
        rows = round((1 - s.distinct) * stages[ALL])
        yield f"{count(rows)} rows have a text that another row has, too: few distinct texts teach little."
