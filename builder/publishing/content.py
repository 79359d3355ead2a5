"""What is uploaded: the data files as they are, and card, Croissant file and manifest written for this repository.

A release does not know where it will be published. These three are therefore written anew: the manifest gains the
member `publication`, the card its name, version and changelog, the Croissant file the addresses of its files, and the
manifest's list of files names those that are really there. All are functions of the release and of what was published
before, so that a publication that was interrupted makes the same files again.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.errors import InputError
from builder.publishing.versions import Version
from builder.release.card import CARD, render_card
from builder.release.croissant import CROISSANT, render_croissant
from builder.release.manifest import NAME, without_paths
from builder.release.open import Release, check_files


@dataclass(frozen=True)
class StagedFile:
    """A file as it will stand in the repository.

    Attributes:
        path: within the repository.
        source: the file on this machine, or its content.
        sha256: of its content.
        size: bytes.
    """

    path: str
    source: Path | bytes
    sha256: str
    size: int

    def git_oid(self) -> str:
        """The id that git gives it, by which the Hub knows small files."""
        content = self.source if isinstance(self.source, bytes) else self.source.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Content:
    """Everything that a version of a repository consists of.

    Attributes:
        files: by path, the manifest among them.
        manifest: what the manifest says.
    """

    files: dict[str, StagedFile]
    manifest: dict[str, Any]


def stage(release: Release, repo: str, version: Version, changelog: list[dict[str, Any]]) -> Content:
    """The content of `repo` at `version`.

    Args:
        release: an intact one, see `check_intact`.
        repo: `namespace/name`.
        version: of the dataset.
        changelog: entries, the newest first, see `changelog.extended`.
    """
    publication = {"repo": repo, "version": str(version), "changelog": changelog}
    manifest = without_paths(release.manifest) | {"publication": publication}
    data = {path: facts for path, facts in release.manifest["files"].items() if path not in (CARD, CROISSANT)}
    written = [
        _in_memory(CARD, render_card(manifest)),
        _in_memory(CROISSANT, render_croissant(release.path, manifest)),
    ]
    manifest["files"] = data | {file.path: {"sha256": file.sha256, "bytes": file.size} for file in written}
    files = [StagedFile(path, release.path / path, facts["sha256"], facts["bytes"]) for path, facts in data.items()]
    files += [*written, _in_memory(NAME, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")]
    return Content({file.path: file for file in files}, manifest)


def check_intact(release: Release) -> None:
    """Check that a release has rows and is what its manifest says, file by file.

    Raises:
        InputError: it is empty, or a file was changed, removed or added since it was built.
    """
    if not release.manifest["summary"]["stages"]["all"]:
        raise InputError(f"release {release.name} has no rows: there is nothing to publish")
    check_files(release)


def same_release(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two manifests describe the same settings and the same data, byte by byte."""
    return _identity(one) == _identity(other)


def _identity(manifest: dict[str, Any]) -> tuple[str, dict[str, str]]:
    files = manifest.get("files", {})
    data = {path: facts["sha256"] for path, facts in files.items() if path.startswith("data/")}
    return manifest["fingerprint"], data


def _in_memory(path: str, text: str) -> StagedFile:
    content = text.encode()
    return StagedFile(path, content, hashlib.sha256(content).hexdigest(), len(content))
