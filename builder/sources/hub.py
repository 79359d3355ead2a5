"""Hub datasets, pinned to a full commit sha before anything of them is loaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.config import SourceSpec
from builder.errors import InputError
from builder.sources.arrow import HubTable

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo

_SECONDS = 20  # a Hub that takes longer for its first answer is not reachable
_REASON_CHARACTERS = 400


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
    with _one_line(where):
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


@contextmanager
def _one_line(where: str) -> Iterator[None]:
    from datasets.exceptions import DatasetGenerationError
    from huggingface_hub import constants, errors

    try:
        yield
    except errors.GatedRepoError:
        raise InputError(
            f"{where} is gated: accept its terms on its Hub page and set HF_TOKEN (or `hf auth login`)"
        ) from None
    except errors.RevisionNotFoundError:
        raise InputError(f"{where}: there is no such revision; leave --source-revision out for the newest") from None
    except errors.RepositoryNotFoundError:
        raise InputError(
            f"{where} is neither a local file nor on the Hub ({constants.ENDPOINT}), or your token may not read it"
        ) from None
    # Everything else: the client passes on the errors of its HTTP library, which is not the same in all versions,
    # and `datasets` raises built-in exceptions for an unknown config or split.
    except Exception as error:
        # What `datasets` meets while it prepares a split is wrapped in something that says nothing.
        cause = (error.__cause__ or error) if isinstance(error, DatasetGenerationError) else error
        reason = " ".join(str(cause).split())[:_REASON_CHARACTERS]
        raise InputError(
            f"{where} cannot be loaded from {constants.ENDPOINT}: {type(cause).__name__}: {reason}"
        ) from None
