"""A stand-in for the Hub over loopback: real HTTP, real commits, repositories in memory.

with HubStandIn() as hub:
    sha = hub.commit("AI-MO/NuminaMath-CoT", {"data/train-00000-of-00001.parquet": content})
    subprocess.run([...], env=os.environ | hub.environment(cache))

The client reads its endpoint at import, so the code under test has to run in a process of its own.
"""

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

RepoType = Literal["dataset", "model"]

LFS_SUFFIXES = (".parquet", ".safetensors", ".bin", ".gguf")
DATE = "2025-01-01T00:00:00.000Z"


class HubError(Exception):
    """An answer that is not 200; `code` is what the client tells its own errors apart by."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status, self.code = status, code


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

    def split_revision(self) -> tuple[str, str]:
        """`REV/PATH` of the rest; a quoted slash belongs to the revision."""
        revision, _, path = self.rest.partition("/")
        return unquote(revision), unquote(path)


class HubStandIn:
    """Serves the read side of dataset and model repositories on 127.0.0.1, one method a route."""

    def __init__(self) -> None:
        self.repos: dict[tuple[RepoType, str], Repo] = {}
        self.requests: Counter[str] = Counter()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> "HubStandIn":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def environment(self, home: Path) -> dict[str, str]:
        """Variables that point a fresh process at this stand-in, with `home` as its cache."""
        return {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
        }

    def commit(
        self,
        repo_id: str,
        files: Mapping[str, bytes] | Path,
        *,
        type: RepoType = "dataset",
        title: str = "Upload",
        tag: str | None = None,
    ) -> str:
        """Make `files` (contents by path, or a folder) the new state of `main`, creating the repo; its sha."""
        if isinstance(files, Path):
            folder = files
            files = {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
        repo = self.repos.setdefault((type, repo_id), Repo(repo_id))
        commit = Commit(title, dict(files), repo.head if repo.commits else None)
        repo.commits[commit.oid] = commit
        if tag:
            repo.tags[tag] = commit.oid
        return commit.oid

    def info(self, request: Request) -> Answer:
        """GET /api/R[/revision/REV]"""
        oid, commit = request.repo.resolve(unquote(request.rest) or "main")
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        card = _front_matter(commit.files.get("README.md", b""))
        info = {"id": request.repo.id, "sha": oid, "lastModified": DATE, "private": False, "tags": []}
        return Answer.of({**info, "cardData": card, "siblings": siblings})

    def tree(self, request: Request) -> Answer:
        """GET /api/R/tree/REV[/PATH]?recursive="""
        revision, folder = request.split_revision()
        _, commit = request.repo.resolve(revision)
        prefix = f"{folder}/" if folder else ""
        below = [path for path in sorted(commit.files) if path.startswith(prefix)]
        if folder and not below:
            raise HubError(404, "EntryNotFound", f"{folder} does not exist on {revision}")
        recursive = request.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        folders = {parent for path in below for parent in _parents(path) if parent.startswith(prefix)}
        entries = [_folder_entry(path) for path in sorted(folders)]
        entries += [_file_entry(path, commit.files[path]) for path in below]
        return Answer.of([e for e in entries if recursive or "/" not in e["path"].removeprefix(prefix)])

    def paths_info(self, request: Request) -> Answer:
        """POST /api/R/paths-info/REV with form-encoded `paths`; missing ones are left out."""
        _, commit = request.repo.resolve(unquote(request.rest))
        paths = parse_qs(request.body.decode()).get("paths", [])
        folders = {parent for path in commit.files for parent in _parents(path)}
        return Answer.of(
            [_file_entry(path, commit.files[path]) for path in paths if path in commit.files]
            + [_folder_entry(path) for path in paths if path in folders]
        )

    def refs(self, request: Request) -> Answer:
        """GET /api/R/refs"""
        repo = request.repo
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.head}
        tags = [{"name": name, "ref": f"refs/tags/{name}", "targetCommit": oid} for name, oid in repo.tags.items()]
        return Answer.of({"branches": [main], "tags": tags, "converts": [], "pullRequests": []})

    def commits(self, request: Request) -> Answer:
        """GET /api/R/commits/REV, newest first"""
        oid, _ = request.repo.resolve(unquote(request.rest))
        history = []
        while oid:
            commit = request.repo.commits[oid]
            history.append({"id": oid, "title": commit.title, "message": "", "date": DATE, "authors": []})
            oid = commit.parent
        return Answer.of(history)

    def resolve(self, request: Request) -> Answer:
        """HEAD|GET /R/resolve/REV/PATH, with Range"""
        revision, path = request.split_revision()
        oid, commit = request.repo.resolve(revision)
        if (content := commit.files.get(path)) is None:
            raise HubError(404, "EntryNotFound", f"{path} does not exist on {revision}")
        headers = {"X-Repo-Commit": oid, "ETag": f'"{git_oid(content)}"', "Accept-Ranges": "bytes"}
        if lfs_oid := _lfs_oid(path, content):
            headers |= {"X-Linked-Etag": f'"{lfs_oid}"', "X-Linked-Size": str(len(content))}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if not wanted:
            return Answer(content, headers)
        first, last = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
        if first > last:
            raise HubError(416, "RangeNotSatisfiable", f"{path} has {len(content)} bytes")
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return Answer(content[first : last + 1], headers, 206)

    def dispatch(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Find the route of a request and ask it."""
        url = urlsplit(target)
        for allowed, pattern, route in self._routes():
            if method in allowed and (match := re.fullmatch(pattern, url.path)):
                repo = self.repos.get(("dataset" if match["type"] else "model", match["repo"]))
                if repo is None:
                    raise HubError(404, "RepoNotFound", "Repository not found")
                rest = match.groupdict().get("rest") or ""
                return route(Request(repo, rest, parse_qs(url.query), headers, body))
        raise HubError(404, "NoRoute", f"the stand-in has no route for {method} {url.path}")

    def _routes(self) -> list[tuple[tuple[str, ...], str, Callable[[Request], Answer]]]:
        repo = r"(?P<repo>[\w.-]+/[\w.-]+)"
        api = rf"/api/(?:(?P<type>datasets)|models)/{repo}"
        return [
            (("GET",), rf"{api}(?:/revision/(?P<rest>.+))?", self.info),
            (("GET",), rf"{api}/tree/(?P<rest>.+)", self.tree),
            (("POST",), rf"{api}/paths-info/(?P<rest>.+)", self.paths_info),
            (("GET",), rf"{api}/refs", self.refs),
            (("GET",), rf"{api}/commits/(?P<rest>.+)", self.commits),
            (("HEAD", "GET"), rf"/(?:(?P<type>datasets)/)?{repo}/resolve/(?P<rest>.+)", self.resolve),
        ]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                hub.requests[f"{self.command} {urlsplit(self.path).path}"] += 1
                try:
                    answer = hub.dispatch(self.command, self.path, self.headers, body)
                except HubError as error:
                    body = json.dumps({"error": str(error)}).encode()
                    headers = {"X-Error-Code": error.code, "X-Error-Message": str(error)}
                    answer = Answer(body, headers, error.status)
                self.send_response(answer.status)
                for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

            do_GET = do_HEAD = do_POST = _answer  # noqa: N815

            def log_message(self, *args: object) -> None:
                """Tests read `hub.requests` instead."""

        return Handler


def git_oid(content: bytes) -> str:
    """The id git gives a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _front_matter(card: bytes) -> dict[str, Any]:
    return yaml.safe_load(card.decode().partition("---\n")[2].partition("---\n")[0]) or {}


def _lfs_oid(path: str, content: bytes) -> str | None:
    return hashlib.sha256(content).hexdigest() if path.endswith(LFS_SUFFIXES) else None


def _parents(path: str) -> list[str]:
    return [parent.as_posix() for parent in Path(path).parents if parent.as_posix() != "."]


def _folder_entry(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "size": 0, "oid": git_oid(path.encode())}


def _file_entry(path: str, content: bytes) -> dict[str, Any]:
    entry = {"type": "file", "path": path, "size": len(content), "oid": git_oid(content)}
    if lfs_oid := _lfs_oid(path, content):
        entry["lfs"] = {"oid": lfs_oid, "size": len(content), "pointerSize": 130}
    return entry
