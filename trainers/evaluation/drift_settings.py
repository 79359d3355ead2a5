"""Everything that determines a drift beside the evaluated policy, and what its two directions are called."""

from typing import Annotated

from pydantic import Field

from builder.config import Comparable, Sampling
from trainers.evaluation.benchmarks import BenchmarkSpec

DIRECTIONS = {"kl_checkpoint_base": ("checkpoint", "base"), "kl_base_checkpoint": ("base", "checkpoint")}
"""Name in `results.json`, by whose responses it is estimated, and against whom."""

SHOWN = {"kl_checkpoint_base": "KL(checkpoint ‖ base)", "kl_base_checkpoint": "KL(base ‖ checkpoint)"}


class DriftSettings(Comparable):
    """What a drift is measured by.

    Attributes:
        base: as the user named it.
        base_revision: what its weights really were.
        prompts: what both policies are asked.
        limit: prompts of each file, a seeded random sample; None for all.
        seed: of that sample and of sampling.
        sampling: how responses are drawn, at temperature 1 always; its `candidates` are the samples a prompt.
    """

    base: str
    base_revision: str
    prompts: Annotated[list[BenchmarkSpec], Field(min_length=1)]
    limit: int | None = Field(None, ge=1)
    seed: int = 0
    sampling: Sampling
