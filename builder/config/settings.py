"""Everything that determines D′."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from builder.config.base import Comparable
from builder.config.realign import Realign
from builder.config.rules import Rules
from builder.config.sampling import Sampling, Shard
from builder.config.source import SourceSpec, VerifierSpec
from builder.config.target import Target
from builder.machine.flags import Flag
from builder.method.kinds import Kind


class Settings(Comparable):
    """Everything that determines D′. Two builds with the same settings are the same build.

    The sample (`limit`, `seed`) is one of all sources together; a `shard` is a part of it.
    """

    target: Target
    model_revision: str
    sources: Annotated[list[SourceSpec], Field(min_length=1)]
    limit: Annotated[int | None, Flag("a seeded random sample of N source rows", "N")] = Field(None, ge=1)
    seed: Annotated[int, Flag("of the sample of rows, of sampling and of selection")] = 0
    shard: Annotated[
        Shard | None,
        Flag(
            "build the I-th of N parts of these rows, from 1/N to N/N; builder.merge makes the N releases one "
            "(default --output: releases/TARGET-shard-I-of-N)",
            "I/N",
        ),
    ] = None
    sampling: Sampling
    engine: Literal["vllm", "transformers"]
    rules: Rules = Rules()
    verifier: VerifierSpec | None = None  # None: `math`, the paper's
    verifier_deadline: Annotated[float, Flag("seconds for one verdict (default: 5; for a judge 120)", "S")] = Field(
        5.0, gt=0
    )
    retell: Annotated[
        Literal["unsolved", "all"],
        Flag(
            "which problems are retold: those without an own answer that may be kept (the paper's), or all, for "
            "builder.reselect --policy sdft (default: %(default)s)"
        ),
    ] = "unsolved"
    drop_unverifiable: Annotated[bool, Flag("reject rows without a usable gold instead of keeping the expert")] = False
    drop_contradicted: Annotated[
        bool, Flag("reject rows whose expert solution comes to another answer than the gold")
    ] = False
    near_duplicates: Annotated[
        float | None,
        Flag(
            "reject a problem that nearly repeats an earlier one: the same numbers, signs and answer, and a Jaccard "
            "index of at least J of their pairs of words (docs/rules.md; default: none is rejected)",
            "J",
        ),
    ] = Field(None, gt=0, le=1)
    decontaminate: list[str] = []  # `NAME@REVISION` each, see `builder.sources.benchmarks`
    entropies: Annotated[
        bool,
        Flag(
            "do not measure excess surprisal, which takes the policy's entropy at every token of the kept and the "
            "expert's text, and costs vLLM's front end several times as much as log-probs alone",
            name="no-entropies",
        ),
    ] = True
    candidate_scores: Annotated[
        Literal["none", "logprobs", "entropies"],
        Flag(
            "what is measured under the plain prompt of every candidate that may be kept, so that builder.reselect can "
            "keep another one: logprobs (where they are not known from drawing it), entropies too, which cost several "
            "times as much, or none (default: %(default)s)",
            name="score-candidates",
        ),
    ] = "logprobs"
    candidate_tokens: Annotated[
        bool,
        Flag(
            "leave token ids and log-probs by token out of the config candidates, and the config expert empty: a "
            "small release, of which builder.reselect can make nothing else",
            name="candidates-without-tokens",
        ),
    ] = True
    prompt_hashes: dict[str, str]
    tool_version: str
    realign: Realign | None = None  # of `builder.realign` alone

    @property
    def kind(self) -> Kind:
        """What its responses are."""
        return self.verifier.kind if self.verifier else "value"

    @property
    def stated_rules(self) -> dict[str, Any]:
        """The rules as a manifest states them; `accept_answers` only where it decides anything."""
        stated = {"name": self.rules.name_on(self.kind), **self.rules.model_dump()}
        return stated if self.kind == "value" else {k: v for k, v in stated.items() if k != "accept_answers"}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.candidate_scores == "entropies" and not self.entropies:
            raise ValueError("--score-candidates entropies does not go with --no-entropies")
        return self
