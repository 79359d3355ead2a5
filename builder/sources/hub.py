"""Hub datasets, pinned to a full commit sha before anything of them is loaded."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.config import SourceSpec
from builder.hub import one_line
from builder.sources.arrow import HubTable

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo

_SECONDS = 20  # a Hub that takes longer for its first answer is not reachable


@dataclass(frozen=True)
class HubDataset:
    """What a built-in name stands for; its fields have the usual names and need no mention."""

    repo: str
    config: str | None = None
    license: str | None = None


BUILT_IN = {
    "numinamath-cot": HubDataset("AI-MO/NuminaMath-CoT", license="apache-2.0"),
    "gsm8k": HubDataset("openai/gsm8k", config="main", license="mit"),
}


def open_hub(spec: SourceSpec) -> tuple[HubTable, dict[str, Any]]:
    """A built-in or any other Hub dataset, split `train` unless told otherwise, and its provenance.

    Raises:
        InputError: no such repository, revision, config or split, no access, or the Hub is not reachable.
    """
    from datasets import load_dataset
    from huggingface_hub import HfApi

    known = BUILT_IN.get(spec.name, HubDataset(spec.name))
    config, split = spec.config or known.config, spec.split or "train"
    where = f"dataset {known.repo}" + (f" at {spec.revision}" if spec.revision else "")
    with one_line(where):
        # Asked first, because a Hub that is away makes `load_dataset` retry for half a minute and then take
        # whatever version is in the cache.
        info = HfApi().dataset_info(known.repo, revision=spec.revision, timeout=_SECONDS)
        dataset = load_dataset(known.repo, name=config, split=split, revision=info.sha)
    provenance = {
        "repo": known.repo,
        "config": config,
        "split": split,
        "revision": info.sha,
        "license": known.license or _license(info),
    }
    return HubTable(known.repo, dataset), provenance


def _license(info: "DatasetInfo") -> str | None:
    declared = info.card_data.license if info.card_data else None
    return ", ".join(declared) if isinstance(declared, list) else declared
