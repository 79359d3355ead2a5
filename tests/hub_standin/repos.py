"""Repositories as the stand-in keeps them: commits with all their files, tags, and what a request sees of them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

RepoType = Literal["dataset", "model"]

LFS_SUFFIXES = (".parquet", ".safetensors", ".bin", ".gguf")


class HubError(Exception):
    """An answer that is not 200; `code` is what the client tells its own errors apart by."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None):
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers or {}


class Pointer(bytes):
    """A large file whose content is in the Xet store: what git holds is its LFS pointer."""

    def __new__(cls, oid: str, size: int, xet_hash: str) -> "Pointer":
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"
        pointer = super().__new__(cls, text.encode())
        pointer.oid, pointer.size, pointer.xet_hash = oid, size, xet_hash
        return pointer


@dataclass(frozen=True)
class Commit:
    """One state of a repository: the contents of all files by path."""

    title: str
    files: Mapping[str, bytes]
    parent: str | None

    @property
    def oid(self) -> str:
        digest = hashlib.sha1(f"{self.parent}\0{self.title}".encode())
        for path, content in sorted(self.files.items()):
            digest.update(f"\0{path}\0{git_oid(content)}".encode())
        return digest.hexdigest()


@dataclass
class Repo:
    """A repository with one branch, `main`; tags are names of commits."""

    id: str
    private: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return next(reversed(self.commits))

    def resolve(self, revision: str) -> tuple[str, Commit]:
        oid = self.head if revision == "main" else self.tags.get(revision, revision)
        if oid not in self.commits:
            raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return oid, self.commits[oid]

    def add(self, title: str, files: Mapping[str, bytes]) -> str:
        """Make `files` the new state of `main`; its sha."""
        commit = Commit(title, dict(files), self.head if self.commits else None)
        self.commits[commit.oid] = commit
        return commit.oid


@dataclass(frozen=True)
class Answer:
    """What a route answers with."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200

    @classmethod
    def of(cls, value: Any) -> "Answer":
        return cls(json.dumps(value).encode(), {"Content-Type": "application/json"})


@dataclass(frozen=True)
class Request:
    """A request on a repository; `rest` is what stands behind the route's name in the path."""

    repo: Repo
    rest: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def split_revision(self) -> tuple[str, str]:
        """`REV/PATH` of the rest; a quoted slash belongs to the revision."""
        revision, _, path = self.rest.partition("/")
        return unquote(revision), unquote(path)


def git_oid(content: bytes) -> str:
    """The id git gives a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def lfs_oid(path: str, content: bytes) -> str | None:
    """The sha256 of a large file; None for one that git holds itself."""
    if isinstance(content, Pointer):
        return content.oid
    return hashlib.sha256(content).hexdigest() if path.endswith(LFS_SUFFIXES) else None


def size_of(content: bytes) -> int:
    """Bytes of a file, wherever its content is."""
    return content.size if isinstance(content, Pointer) else len(content)
