"""One version of one dataset on its way to the Hub."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from builder.errors import InputError
from builder.publishing.changelog import extended
from builder.publishing.check import compare
from builder.publishing.content import Content, check_intact, stage
from builder.publishing.hub import HubRepo
from builder.publishing.plan import Remote, changes, published, refuse
from builder.publishing.retry import passes, patiently
from builder.publishing.upload import upload
from builder.publishing.versions import Version
from builder.release.open import Release

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")


class Publication:
    """Publishes a release, or says what that would change.

    Args:
        repo: `namespace/name` of the dataset repository.
        version: of the dataset.
        console: where a person reads.
        private: whether a new repository is made private.
        note: what is new, for the changelog.
    """

    def __init__(
        self, repo: str, version: Version, console: "Console", *, private: bool = False, note: str | None = None
    ) -> None:
        self._hub, self._version, self._console = HubRepo(repo), version, console
        self._private, self._note = private, note

    def check(self, fingerprint: str | None = None) -> Remote:
        """Check all that can be checked before there is a release.

        Args:
            fingerprint: of the settings of the release to come, if known.

        Returns:
            The repository as it is now.

        Raises:
            InputError: the token may not do it, the repository holds something else, or the version is taken.
        """
        self._patiently(self._hub.check_access)
        remote = self._patiently(lambda: self._hub.look(self._version))
        refuse(self._version, remote)
        if self._private and remote.head and self._patiently(self._hub.is_public):
            raise InputError(f"{self._hub.name} is there already and public; make it private in its settings first")
        if fingerprint and remote.tagged and remote.tagged["fingerprint"] != fingerprint:
            raise InputError(
                f"{self._version.tag} of {self._hub.name} was built with other settings, and a published version never "
                "changes; choose the next version"
            )
        return remote

    def run(self, release: Release) -> None:
        """Do whatever is still missing, then load every config at the tag and compare it with the release.

        Raises:
            InputError: the release was changed, or it cannot become this version of this repository.
            HubError: the Hub went away; the same call continues.
            NotTheSameError: what the Hub hands out is not the release.
        """
        from huggingface_hub.utils import disable_progress_bars

        if not self._console.is_terminal:
            disable_progress_bars()  # lines are enough for a log
        check_intact(release)
        if self.check().head is None:
            self._say(f"creating {self._hub.name}")
            self._patiently(lambda: self._hub.create(self._private))
        commit = self._patiently(lambda: self._commit_and_tag(release))
        tag = self._version.tag
        self._say(f"loading every config at {tag}")
        rows = self._patiently(lambda: compare(release, self._hub.name, tag))
        counts = ", ".join(f"{config} {number:,}" for config, number in rows.items())
        self._say(f"published {self._hub.name} {tag}, commit {commit}; equal to the release in every row ({counts})")
        self._say(f"{self._hub.url}/tree/{tag}")

    def dry_run(self, release: Release) -> None:
        """Say what `run` would change; without a token, as far as anybody can see.

        Raises:
            InputError: as `run` does.
        """
        check_intact(release)
        remote = self.check() if self._hub.has_token() else self._seen_by_all()
        content = self._content(release, remote)
        if published(content, self._version, remote):
            self._say(f"{self._hub.name} {self._version.tag} is published already; nothing would change")
            return
        if remote.head is None:
            self._say(f"create   {'private ' if self._private else ''}repository {self._hub.name}")
        commit = changes(content, remote)
        for file in commit.upload:
            known = file.path in (remote.files or {})
            self._say(f"{'replace' if known else 'add':<8} {file.path}  {file.size:,} bytes")
        for path in commit.remove:
            self._say(f"remove   {path}")
        self._say(f"keep     {len(content.files) - len(commit.upload)} files")
        self._say(f"tag      {self._version.tag}")
        self._say(f"in all   {len(commit.upload)} files, {commit.bytes:,} bytes, in one commit to {self._hub.url}")

    def _seen_by_all(self) -> Remote:
        """The repository without a token: one that is private, or on a Hub that is out of reach, seems not there."""
        try:
            remote, reason = self._hub.look(self._version), "what is private is not seen"
        except Exception as error:  # the client has no common type for what the network does
            if not passes(error):
                raise
            remote, reason = Remote(), f"nor can the Hub be reached ({type(error).__name__})"
        self._say(f"no token: {reason}; publishing needs HF_TOKEN, or `hf auth login`")
        refuse(self._version, remote)
        return remote

    def _commit_and_tag(self, release: Release) -> str:
        """Look at the repository and do what is missing of commit and tag; returns the commit with the tag.

        So it does not matter where an earlier attempt ended, or whether an answer was lost after the Hub had done what
        was asked: whatever has failed, this is done again.
        """
        remote = self._hub.look(self._version)
        content = self._content(release, remote)
        if commit := published(content, self._version, remote):
            return commit
        if remote.head is None:
            raise ConnectionError("the Hub does not show the new repository yet")
        commit = remote.head
        if change := changes(content, remote):
            additions = upload(self._hub, change, self._say)
            self._say(f"committing {len(additions)} files, removing {len(change.remove)}")
            commit = self._hub.commit(change, additions, f"Release {self._version}")
        self._say(f"tagging {commit[:12]} as {self._version.tag}")
        self._hub.tag(self._version, commit)
        return commit

    def _content(self, release: Release, remote: Remote) -> Content:
        changelog = extended(remote.previous, release.manifest, self._version, self._note)
        return stage(release, self._hub.name, self._version, changelog)

    def _patiently(self, action: Callable[[], T]) -> T:
        return patiently(action, f"dataset {self._hub.name}", self._say)

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
