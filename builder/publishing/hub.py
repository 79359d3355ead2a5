"""The requests that publishing makes, each of them safe to repeat. Nothing here decides anything."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import InputError
from builder.publishing.content import StagedFile
from builder.publishing.plan import Commit, Remote, RemoteFile
from builder.publishing.retry import status
from builder.publishing.versions import Version, versions_among
from builder.release.manifest import NAME, parse_manifest

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

_DATASET = "dataset"


class HubRepo:
    """One dataset repository on the Hub.

    The token is `HF_TOKEN` or the logged-in one; it is never an argument.

    Args:
        name: `namespace/name`.
    """

    def __init__(self, name: str) -> None:
        from huggingface_hub import HfApi

        self.name = name
        self._api = HfApi()

    @property
    def url(self) -> str:
        """Where a person finds it."""
        return f"{self._api.endpoint}/datasets/{self.name}"

    def has_token(self) -> bool:
        """Whether there is a token at all."""
        from huggingface_hub import get_token

        return get_token() is not None

    def check_access(self) -> None:
        """Check that there is a token and that it may write to the namespace, as far as the Hub tells.

        Raises:
            InputError: no token, an invalid or read-only one, or somebody else's namespace.
        """
        from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

        try:
            user = self._api.whoami()
        except LocalTokenNotFoundError:
            raise InputError("publishing needs a token: set HF_TOKEN, or run `hf auth login`") from None
        except HfHubHTTPError as error:
            if status(error) in (401, 403):
                raise InputError("the Hub does not accept your token; make a new one with write access") from None
            raise
        namespace = self.name.partition("/")[0]
        mine = [user["name"], *(organization["name"] for organization in user.get("orgs", []))]
        if namespace.lower() not in (name.lower() for name in mine):
            raise InputError(f"your token may not write to {namespace}/; it is the token of {', '.join(mine)}")
        if user.get("auth", {}).get("accessToken", {}).get("role") == "read":
            raise InputError("your token may only read; make one with write access")

    def look(self, version: Version) -> Remote:
        """The repository as it is now."""
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            refs = self._api.list_repo_refs(self.name, repo_type=_DATASET)
        except RepositoryNotFoundError:
            return Remote()
        head = next((branch.target_commit for branch in refs.branches if branch.name == "main"), None)
        if head is None:
            return Remote()
        tags = {tag.name: tag.target_commit for tag in refs.tags}
        files = self.files(head)
        before = [other for other in versions_among(tags) if other < version]
        tagged = self._manifest(tags[version.tag]) if version.tag in tags else None
        previous = self._manifest(tags[before[-1].tag]) if before else None
        unreleased = self._manifest(head) if NAME in files and not (tagged or previous) else None
        return Remote(head, files, tags, tagged, previous, unreleased)

    def is_public(self) -> bool:
        """Whether everybody can read it."""
        return not self._api.dataset_info(self.name).private

    def files(self, commit: str) -> dict[str, RemoteFile]:
        """All files at a commit, by path."""
        entries = self._api.list_repo_tree(self.name, recursive=True, revision=commit, repo_type=_DATASET)
        return {
            entry.path: RemoteFile(entry.lfs.sha256 if entry.lfs else None, entry.blob_id)
            for entry in entries
            if hasattr(entry, "blob_id")  # folders have none
        }

    def create(self, private: bool) -> None:
        """Make the repository, unless it is there."""
        self._api.create_repo(self.name, repo_type=_DATASET, private=private or None, exist_ok=True)

    def upload(self, file: StagedFile) -> "CommitOperationAdd":
        """Send the content of a large file, unless the Hub has it, and return what `commit` needs of it.

        A small file travels within the commit.
        """
        from huggingface_hub import CommitOperationAdd

        addition = CommitOperationAdd(file.path, file.source)
        self._api.preupload_lfs_files(self.name, [addition], repo_type=_DATASET, free_memory=False)
        return addition

    def commit(self, step: Commit, additions: "list[CommitOperationAdd]", title: str) -> str:
        """Make all changes in one commit, on top of the parent or not at all; returns its sha."""
        from huggingface_hub import CommitOperationDelete

        removals = [CommitOperationDelete(path, is_folder=False) for path in step.remove]
        operations = [*additions, *removals]
        done = self._api.create_commit(
            self.name, operations, commit_message=title, repo_type=_DATASET, parent_commit=step.parent
        )
        return done.oid

    def tag(self, version: Version, commit: str) -> None:
        """Tag a commit; a tag that is there already, wherever it stands, is an error 409."""
        self._api.create_tag(self.name, tag=version.tag, revision=commit, repo_type=_DATASET)

    def _manifest(self, commit: str) -> dict[str, Any] | None:
        """The manifest at a commit; None if there is none, or another tool's."""
        from huggingface_hub.errors import RemoteEntryNotFoundError

        try:
            file = self._api.hf_hub_download(self.name, NAME, revision=commit, repo_type=_DATASET)
            return parse_manifest(Path(file).read_bytes())
        except (RemoteEntryNotFoundError, ValueError):
            return None
