"""What a repository still lacks to be a version of a release: the next step, decided from what is there.

Publishing looks at the repository, does the one thing that is missing, and looks again, until nothing is missing. So it
does not matter where an earlier attempt ended, or whether an answer got lost after the Hub had done what was asked.
"""

from dataclasses import dataclass
from typing import Any

from builder.errors import InputError
from builder.publishing.content import CARD, Content, StagedFile, same_release
from builder.publishing.versions import Version, versions_among
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
class Create:
    """There is no repository."""


@dataclass(frozen=True)
class Commit:
    """`main` holds something else: upload files, remove paths, on top of `parent`."""

    parent: str
    upload: list[StagedFile]
    remove: list[str]

    @property
    def bytes(self) -> int:
        """Size of the files to upload."""
        return sum(file.size for file in self.upload)


@dataclass(frozen=True)
class Tag:
    """`main` is right and has no tag: tag this commit."""

    commit: str


@dataclass(frozen=True)
class Done:
    """The tag is on this commit."""

    commit: str


Step = Create | Commit | Tag | Done


def next_step(content: Content, version: Version, remote: Remote) -> Step:
    """What has to be done next.

    Raises:
        InputError: see `refuse`, and where the tag stands on another release.
    """
    refuse(version, remote)
    if remote.tagged:
        if not same_release(remote.tagged, content.manifest):
            raise InputError(
                f"{version.tag} of {content.manifest['publication']['repo']} is another release, and a published "
                "version never changes; choose the next version"
            )
        return Done(remote.tags[version.tag])
    if remote.head is None:
        return Create()
    commit = changes(content, remote)
    return commit if commit.upload or commit.remove else Tag(remote.head)


def changes(content: Content, remote: Remote) -> Commit:
    """What turns `main` into the content."""
    here, there = content.files, remote.files or {}
    upload = [file for path, file in here.items() if path not in there or not there[path].holds(file)]
    remove = sorted(there.keys() - here.keys() - _NOT_OURS_TO_REMOVE)
    return Commit(remote.head or "", upload, remove)


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
