"""From graded samples to the figures of a benchmark, and to their average over benchmarks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from builder.texts.answers import FORMS, AnswerForm
from builder.verification.verdicts import Verdict
from trainers.evaluation.metrics import clustered_mean, majority_at_k, pass_at_k, powers_of_two, unweighted_average
from trainers.evaluation.voting import ABSTAINED, RIGHT

AVERAGED = ("truncated", "boxed", "no_answer", "tokens_per_answer")


def score(
    verdicts: Sequence[Sequence[Verdict]],
    classes: Sequence[Sequence[int]],
    forms: Sequence[Sequence[AnswerForm | None]],
    finish_reasons: Sequence[Sequence[str]],
    tokens: Sequence[Sequence[int]],
) -> dict[str, Any]:
    """The figures of one benchmark; all arguments are `[problems][samples]`.

    Returns:
        `accuracy`: mean over samples and problems, with `stderr` clustered by problem, whatever form an answer has;
        `strict_accuracy` and `strict_stderr`: the same, where only a stated answer counts (`boxed`, `hash` or
        `stated`); `pass_at` with `pass_at_stderr`, and `majority_at`, by k;
        `truncated`, `boxed` (answered in a closed box) and `no_answer`: shares of all samples; `answer_forms`: counts;
        `tokens_per_answer`: mean; `verdicts`: counts; `verdict_errors`: samples whose verdict is `timeout` or `error`,
        which count as not correct; `no_room`: problems whose prompt left no room for a response; `problems`, and
        `samples` of each.
    """
    n = len(verdicts[0])
    right = [sum(v == "correct" for v in of_problem) for of_problem in verdicts]
    accuracy, stderr = clustered_mean([c / n for c in right])
    strict, strict_stderr = clustered_mean([c / n for c in map(_strictly_right, verdicts, forms)])
    by_form = Counter(form for of_problem in forms for form in of_problem)
    counts: Counter[Verdict] = Counter(v for of_problem in verdicts for v in of_problem)
    ks = powers_of_two(n)
    pass_at = {str(k): clustered_mean([pass_at_k(n, c, k) for c in right]) for k in ks}
    votes = [Counter(c for c in of_problem if c != ABSTAINED) for of_problem in classes]
    abstained = [sum(c == ABSTAINED for c in of_problem) for of_problem in classes]

    def share(reason: str) -> float:
        return sum(r == reason for of_problem in finish_reasons for r in of_problem) / counts.total()

    return {
        "problems": len(verdicts),
        "samples": n,
        "accuracy": accuracy,
        "stderr": stderr,
        "strict_accuracy": strict,
        "strict_stderr": strict_stderr,
        "pass_at": {k: mean for k, (mean, _) in pass_at.items()},
        "pass_at_stderr": {k: error for k, (_, error) in pass_at.items()},
        "majority_at": {
            str(k): clustered_mean([majority_at_k(v, RIGHT, a, k) for v, a in zip(votes, abstained, strict=True)])[0]
            for k in ks
        },
        "truncated": share("length"),
        "boxed": by_form["boxed"] / counts.total(),
        "no_answer": counts["no_answer"] / counts.total(),
        "tokens_per_answer": sum(map(sum, tokens)) / counts.total(),
        "verdicts": {verdict: counts[verdict] for verdict in get_args(Verdict)},
        "answer_forms": {form: by_form[form] for form in FORMS},
        "verdict_errors": counts["timeout"] + counts["error"],
        "no_room": sum("no_room" in of_problem for of_problem in finish_reasons),
    }


def average(scores: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The same figures averaged over benchmarks, unweighted; counts are added up."""
    every = list(scores.values())
    accuracy, stderr = unweighted_average([(s["accuracy"], s["stderr"]) for s in every])
    strict, strict_stderr = unweighted_average([(s["strict_accuracy"], s["strict_stderr"]) for s in every])
    pass_at = {
        k: unweighted_average([(s["pass_at"][k], s["pass_at_stderr"][k]) for s in every]) for k in every[0]["pass_at"]
    }
    return {
        "accuracy": accuracy,
        "stderr": stderr,
        "strict_accuracy": strict,
        "strict_stderr": strict_stderr,
        "pass_at": {k: mean for k, (mean, _) in pass_at.items()},
        "pass_at_stderr": {k: error for k, (_, error) in pass_at.items()},
        "majority_at": {k: _mean([s["majority_at"][k] for s in every]) for k in every[0]["majority_at"]},
        **{name: _mean([s[name] for s in every]) for name in AVERAGED},
        "verdict_errors": sum(s["verdict_errors"] for s in every),
    }


def _strictly_right(verdicts: Sequence[Verdict], forms: Sequence[AnswerForm | None]) -> int:
    """How many samples of a problem are right and state their answer."""
    return sum(v == "correct" and f != "trailing" for v, f in zip(verdicts, forms, strict=True))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
