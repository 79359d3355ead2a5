"""Policies of selection: pure functions of one problem, each by its authors' own definition.

A is the set of a problem's acceptable candidates. Where A is empty, the expert's text stays whatever the policy, and no
problem is lost. To add a policy: a function, and a line in `POLICIES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal

from builder.method.choosing.problem import Problem, Text
from builder.texts.ngrams import word_ngrams

_NGRAM = 4  # words


@dataclass(frozen=True)
class Options:
    """What a policy may be told.

    Attributes:
        keep: texts of a problem at most.
        with_expert: whether the expert's text takes part.
        hardest: the largest fail rate of any problem, above 0.
    """

    keep: int = 1
    with_expert: bool = False
    hardest: Fraction = Fraction(1)


Choose = Callable[[Problem, Options], Sequence[Text]]
Need = Literal["policy_logprob", "excess_surprisal", "retellings"]


@dataclass(frozen=True)
class Policy:
    """A way to choose.

    Attributes:
        choose: the texts that a problem keeps, from a problem with acceptable candidates; none if it is left out.
        meaning: in words, for help and card.
        looks_at_all: whether it compares candidates, which adaptive sampling has made unequal.
        keeps_many: whether it may keep several texts of a problem.
        needs: what the release must hold of every acceptable candidate, or of every problem.
    """

    choose: Choose
    meaning: str
    looks_at_all: bool = True
    keeps_many: bool = False
    needs: Need | None = None


def chosen(policy: Policy, problem: Problem, options: Options) -> Sequence[Text]:
    """The texts that a problem keeps, the expert's where there is nothing to choose from; none if it is left out."""
    return policy.choose(problem, options) if problem.acceptable else (problem.expert,)


def random(problem: Problem, options: Options) -> Sequence[Text]:
    """One of A at random, the same one as the build keeps: the paper's choice (Zhao et al. 2025, section 3)."""
    return problem.shuffled[:1]


def grape(problem: Problem, options: Options) -> Sequence[Text]:
    """The one of A with the largest log π(y | x) / |y| (GRAPE, arXiv 2502.04194; its pool is of many models' answers).

    With the option, the expert's text takes part. At equal values, the first one drawn.
    """
    pool = [*problem.acceptable, *([problem.expert] if options.with_expert else ())]
    return (max(pool, key=lambda text: text.logprob / text.tokens),)


def nearest(problem: Problem, options: Options) -> Sequence[Text]:
    """The one of A with the least excess surprisal a token, which may be below 0: likelier than typical."""
    return (min(problem.acceptable, key=lambda text: text.excess / text.tokens),)


def sdft(problem: Problem, options: Options) -> Sequence[Text]:
    """The first retelling, if it is acceptable, else the expert's text: for every problem (SDFT, arXiv 2402.13669).

    What is acceptable is ours: the verifier and the build's rules, in place of a list of banned phrases and an answer
    that matches.
    """
    return (problem.first("guided") or problem.expert,)


def s3ft(problem: Problem, options: Options) -> Sequence[Text]:
    """The first own answer, if it is acceptable, else the first retelling or the expert's (S3FT, arXiv 2502.08130).

    Its paraphrase of the expert's text is our retelling, which a build has of unsolved problems only unless it was told
    to retell all; without an acceptable one, the expert's text stays.
    """
    return (problem.first("self") or problem.first("guided") or problem.expert,)


def shortest(problem: Problem, options: Options) -> Sequence[Text]:
    """The one of A with the fewest tokens."""
    return (min(problem.acceptable, key=_length),)


def median(problem: Problem, options: Options) -> Sequence[Text]:
    """The one of A whose number of tokens is the median, of two the smaller."""
    by_length = sorted(problem.acceptable, key=_length)
    return (by_length[(len(by_length) - 1) // 2],)


def diverse(problem: Problem, options: Options) -> Sequence[Text]:
    """Up to `keep` of A that differ most: farthest first on 1 - Jaccard of word 4-grams (after RFT, arXiv 2308.01825).

    RFT keeps answers with different lists of equations; text has no such thing. Begins with the random one; a text that
    repeats a kept one in every 4-gram is not kept.
    """
    first, *left = problem.shuffled
    kept = [first]
    distances = {text.index: distance(first.text, text.text) for text in left}
    while len(kept) < options.keep and any(distances.values()):
        farthest = max((text for text in left if text.index in distances), key=lambda text: distances[text.index])
        kept.append(farthest)
        del distances[farthest.index]
        for text in left:
            if text.index in distances:
                distances[text.index] = min(distances[text.index], distance(farthest.text, text.text))
    return kept


def uniform(problem: Problem, options: Options) -> Sequence[Text]:
    """Up to `keep` of A at random (DART-Math's Uniform, arXiv 2407.13690, which samples until it has as many)."""
    return problem.shuffled[: options.keep]


def prop2diff(problem: Problem, options: Options) -> Sequence[Text]:
    """Some of A at random, in proportion to the fail rate: `keep` where it is largest (DART-Math's Prop2Diff).

    ceil(keep · fail rate / largest fail rate), as far as A reaches: DART-Math samples until it has as many, and has no
    retellings. A problem that is always solved is left out, as there; one that was never tried counts as the hardest.
    """
    rate = options.hardest if problem.fail_rate is None else problem.fail_rate
    return problem.shuffled[: ceil(options.keep * rate / options.hardest)]


def distance(one: str, other: str) -> float:
    """1 - Jaccard index of two texts' word 4-grams, 0 to 1."""
    a, b = (set(word_ngrams(text, _NGRAM)) for text in (one, other))
    return 1 - len(a & b) / len(a | b) if a | b else 0.0


def _length(text: Text) -> tuple[int, int]:
    return text.tokens, text.index


POLICIES: dict[str, Policy] = {
    "random": Policy(random, "one at random: the paper's, and the build's own", looks_at_all=False),
    "grape": Policy(grape, "the largest mean log-prob a token under the policy (GRAPE)", needs="policy_logprob"),
    "nearest": Policy(nearest, "the least excess surprisal a token", needs="excess_surprisal"),
    "sdft": Policy(sdft, "the first retelling of every problem, if acceptable, else the expert's text (SDFT)",
                   looks_at_all=False, needs="retellings"),
    "s3ft": Policy(s3ft, "the first own answer, if acceptable, else the first retelling, else the expert's text (S3FT)",
                   looks_at_all=False),
    "shortest": Policy(shortest, "the fewest tokens"),
    "median": Policy(median, "the median number of tokens"),
    "diverse": Policy(diverse, "up to K that differ most in their word 4-grams", keeps_many=True),
    "uniform": Policy(uniform, "up to K at random (DART-Math's Uniform)", keeps_many=True),
    "prop2diff": Policy(prop2diff, "at random, the more the harder, up to K (DART-Math's Prop2Diff)", keeps_many=True),
}  # fmt: skip
