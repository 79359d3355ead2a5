"""The read side: what `datasets` and `huggingface_hub` ask for when they load something."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import yaml

from tests.hub_standin.repos import Answer, HubError, Pointer, Request, git_oid, lfs_oid, size_of

DATE = "2025-01-01T00:00:00.000Z"


class ReadRoutes:
    """Dataset and model repositories, one method a route."""

    url: str

    def info(self, request: Request) -> Answer:
        """GET /api/R[/revision/REV]"""
        oid, commit = request.repo.resolve(unquote(request.rest) or "main")
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        card = _front_matter(commit.files.get("README.md", b""))
        info = {"id": request.repo.id, "sha": oid, "lastModified": DATE, "private": request.repo.private, "tags": []}
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
        if large := lfs_oid(path, content):
            headers |= {"X-Linked-Etag": f'"{large}"', "X-Linked-Size": str(size_of(content))}
        if isinstance(content, Pointer):
            # As the Hub does it: HEAD says where the content is, and only a client without Xet would GET it here.
            route = f"/api/datasets/{request.repo.id}/xet-read-token/{oid}"
            headers |= {"X-Xet-Hash": content.xet_hash, "X-Xet-Refresh-Route": self.url + route}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if not wanted:
            return Answer(content, headers)
        first, last = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
        if first > last:
            raise HubError(416, "RangeNotSatisfiable", f"{path} has {len(content)} bytes")
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return Answer(content[first : last + 1], headers, 206)


def _front_matter(card: bytes) -> dict[str, Any]:
    return yaml.safe_load(card.decode().partition("---\n")[2].partition("---\n")[0]) or {}


def _parents(path: str) -> list[str]:
    return [parent.as_posix() for parent in Path(path).parents if parent.as_posix() != "."]


def _folder_entry(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "size": 0, "oid": git_oid(path.encode())}


def _file_entry(path: str, content: bytes) -> dict[str, Any]:
    entry = {"type": "file", "path": path, "size": size_of(content), "oid": git_oid(content)}
    if oid := lfs_oid(path, content):
        entry["lfs"] = {"oid": oid, "size": size_of(content), "pointerSize": 130}
    return entry
