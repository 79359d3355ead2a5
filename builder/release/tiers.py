"""The three tiers of settings: what a build shares with an earlier one whose settings were others.

*Identity* says who the policy is and what it is asked: the bytes of model and tokenizer, template, prompts, source and
shard. *Draw* says how it is sampled: temperature, top_p, lengths, stop tokens, seed. A sample's key in the journal
hashes these and nothing else. Everything else is *judgement*: it says what is made of samples, of how many rows and of
how many samples a row, or only what things are called and what they run on.
"""

import re
from enum import IntEnum
from typing import Any

from builder.config import flattened

# A change leaves every sample as good as it was, but rows are prepared, and samples judged, anew.
JUDGED_AGAIN = (
    *("rules", "verifier", "verifier_deadline", "drop_unverifiable", "drop_contradicted", "tool_version", "retell"),
    "near_duplicates",
    *("decontaminate", "entropies", "candidate_scores", "candidate_tokens"),
    *("limit", "sampling.scheme", "sampling.candidates", "sources.metadata_fields"),
    *("realign.cap", "realign.max_log_ratio", "realign.min_ess", "realign.rows"),
)
# What things are called. What weights they are says `model_revision`, not where these come from.
NAMES = (
    "target.name",
    "target.model",
    "target.revision",
    "target.offline_package",
    "target.license",
    "realign.parent.name",
    "realign.parent.target",
)
# What they run on; `target.sampling` are the defaults of `sampling`.
RUN = ("engine", "target.vllm_args", "target.gpu_memory_gib", "target.sampling")


class Change(IntEnum):
    """What follows from a change of settings; each includes those before it."""

    NOTHING = 0
    RUNS_ELSEWHERE = 1  # what is left to do
    WRITTEN_ANEW = 2  # the release, from the same outcomes
    JUDGED_AGAIN = 3  # the samples
    OTHER_SAMPLES = 4


_TIERS = ((RUN, Change.RUNS_ELSEWHERE), (NAMES, Change.WRITTEN_ANEW), (JUDGED_AGAIN, Change.JUDGED_AGAIN))


def change(before: dict[str, Any], after: dict[str, Any]) -> Change:
    """What follows from the difference of two `Settings.model_dump(mode="json")`."""
    earlier, now = (_known(settings) for settings in (before, after))
    return max(
        (_tier(key) for key in earlier.keys() | now.keys() if earlier.get(key) != now.get(key)), default=Change.NOTHING
    )


def of_samples(settings: dict[str, Any]) -> dict[str, Any]:
    """The part of a `Settings.model_dump(mode="json")` that belongs to samples, flat."""
    return {key: value for key, value in _known(settings).items() if _tier(key) is Change.OTHER_SAMPLES}


def of_texts(settings: dict[str, Any]) -> dict[str, Any]:
    """The part that says which texts become of which samples: all but what things are called and run on, flat."""
    return {key: value for key, value in _known(settings).items() if _tier(key) >= Change.JUDGED_AGAIN}


def _known(settings: dict[str, Any]) -> dict[str, Any]:
    # A later version of the tool has more fields, which say nothing by default.
    return {key: value for key, value in flattened(settings).items() if value not in (None, [])}


def _tier(key: str) -> Change:
    key = re.sub(r"\.\d+(?=\.)", "", key)  # whichever source it is
    of_names = (tier for names, tier in _TIERS if any(key == name or key.startswith(f"{name}.") for name in names))
    return next(of_names, Change.OTHER_SAMPLES)
