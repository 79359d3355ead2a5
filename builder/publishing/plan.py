"""What a repository lacks to be a version of a release, and what must not be published there: pure decisions."""

from dataclasses import dataclass
from typing import Any

from builder.errors import InputError
from builder.publishing.content import Content, StagedFile, same_release
from builder.publishing.versions import Version, versions_among
from builder.release.card import CARD
from builder.release.manifest import NAME

_NOT_OURS_TO_REMOVE = frozenset({".gitattributes"})  # the Hub's own
_BEFORE_A_RELEASE = _NOT_OURS_TO_REMOVE | {CARD}  # what the Hub's web page makes with a new repository


@dataclass(frozen=True)
class RemoteFile:
    """A file in a repository, as the Hub lists it: large files by sha256, small ones by the id git gives them."""

    sha256: str | None
    git_oid: str

    def holds(self, file: StagedFile) -> bool:
        """Whether its content is that of a staged file."""
        return self.sha256 == file.sha256 if self.sha256 else self.git_oid == file.git_oid()


@dataclass(frozen=True)
class Remote:
    """A dataset repository at one moment.

    Attributes:
        head: commit of `main`; None if there is no repository.
        files: at `head`, by path.
        tags: commits by name.
        tagged: manifest at the tag of the version in question; None if there is no such tag.
        previous: manifest at the tag of the newest version before that; None if there is none.
        unreleased: manifest at `head` where no version was tagged yet; None if there is none.
    """

    head: str | None = None
    files: dict[str, RemoteFile] | None = None
    tags: dict[str, str] | None = None
    tagged: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None
    unreleased: dict[str, Any] | None = None


@dataclass(frozen=True)
class Commit:
    """What turns `main` into the content: files to upload, paths to remove, on top of `parent`; None: no repository."""

    parent: str | None
    upload: list[StagedFile]
    remove: list[str]

    def __bool__(self) -> bool:
        return bool(self.upload or self.remove)

    @property
    def bytes(self) -> int:
        """Size of the files to upload."""
        return sum(file.size for file in self.upload)


def published(content: Content, version: Version, remote: Remote) -> str | None:
    """The commit that the version's tag is on; None if there is no such tag.

    Raises:
        InputError: see `refuse`, and where the tag is on another release.
    """
    refuse(version, remote)
    if not remote.tagged:
        return None
    if not same_release(remote.tagged, content.manifest):
        raise InputError(
            f"{version.tag} of {content.manifest['publication']['repo']} is another release, and a published version "
            "never changes; choose the next version"
        )
    return remote.tags[version.tag]


def changes(content: Content, remote: Remote) -> Commit:
    """What turns `main` into the content."""
    here, there = content.files, remote.files or {}
    upload = [file for path, file in here.items() if path not in there or not there[path].holds(file)]
    remove = sorted(there.keys() - here.keys() - _NOT_OURS_TO_REMOVE)
    return Commit(remote.head, upload, remove)


def refuse(version: Version, remote: Remote) -> None:
    """Check what can be checked before there is a release.

    Raises:
        InputError: the repository holds something that is not a release of this tool, or a later version.
    """
    if version.tag in (remote.tags or {}) and not remote.tagged:
        raise InputError(f"the tag {version.tag} is there already, and not on a release of this tool")
    files = remote.files or {}
    ours = remote.tagged or remote.previous or remote.unreleased
    if not ours and not files.keys() <= _BEFORE_A_RELEASE:
        example = next(path for path in sorted(files) if path not in _BEFORE_A_RELEASE)
        raise InputError(
            f"the repository holds {example} and no {NAME} of this tool; "
            "publishing would remove what it holds: choose another repository"
        )
    later = [other for other in versions_among(remote.tags or {}) if other > version]
    if later and not remote.tagged:
        raise InputError(f"the repository is at version {later[-1]} already; choose a later one than that")
