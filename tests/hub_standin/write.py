"""The write side: making a repository, sending large files, committing and tagging, with the Hub's refusals."""

import base64
import hashlib
import json
import threading
from typing import Any

import yaml

from tests.hub_standin.repos import Answer, HubError, Pointer, Repo, RepoType, Request, git_oid, lfs_oid
from tests.hub_standin.xet import XetStore

TOKEN = "hf_loopback"
"""Writes as the user `me`, who belongs to the organization `ours`."""
READ_TOKEN = "hf_loopback_read"
ROLES = {TOKEN: "write", READ_TOKEN: "read"}
FIRST_FILES = {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"}


class WriteRoutes:
    """Everything that needs a token, one method a route."""

    url: str
    repos: dict[tuple[RepoType, str], Repo]
    xet: XetStore | None

    def __init__(self) -> None:
        super().__init__()
        self.blobs: dict[str, bytes] = {}  # large files by sha256, sent and perhaps never committed
        self._writing = threading.Lock()

    def whoami(self, headers: Any) -> Answer:
        """GET /api/whoami-v2"""
        role = _role(headers)
        if role is None:
            raise HubError(401, "Unauthorized", "Invalid username or password.")
        auth = {"type": "access_token", "accessToken": {"displayName": "test", "role": role}}
        return Answer.of({"type": "user", "name": "me", "orgs": [{"name": "ours"}], "auth": auth})

    def create(self, headers: Any, body: bytes) -> Answer:
        """POST /api/repos/create; a repository begins with a commit of the Hub's own"""
        _check_write(headers)
        wanted = json.loads(body)
        name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        url = f"{self.url}/datasets/{name}"
        key = (wanted.get("type", "model"), name)
        with self._writing:
            if key in self.repos:
                return Answer(
                    json.dumps({"error": "You already created this dataset repo", "url": url}).encode(), {}, 409
                )
            self.repos[key] = Repo(name, private=wanted.get("visibility") == "private")
            self.repos[key].add("initial commit", FIRST_FILES)
        return Answer.of({"url": url, "name": name})

    def validate_yaml(self, headers: Any, body: bytes) -> Answer:
        """POST /api/validate-yaml"""
        front = json.loads(body)["content"].split("---\n")[1]
        errors = []
        try:
            names = [config["config_name"] for config in yaml.safe_load(front).get("configs", [])]
            if len(names) != len(set(names)):
                errors.append({"message": '"configs" has a config twice'})
        except (yaml.YAMLError, KeyError, TypeError) as error:
            errors.append({"message": str(error)})
        return Answer(json.dumps({"errors": errors, "warnings": []}).encode(), {}, 400 if errors else 200)

    def preupload(self, request: Request) -> Answer:
        """POST /api/R/preupload/REV"""
        _check_write(request.headers)
        _, commit = request.repo.resolve(request.split_revision()[0])
        answers = []
        for file in request.json["files"]:
            path = file["path"]
            large = lfs_oid(path, b"") is not None
            there = commit.files.get(path)
            oid = None if there is None else lfs_oid(path, there) if large else git_oid(there)
            mode = "lfs" if large else "regular"
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return Answer.of({"files": answers})

    def lfs_batch(self, request: Request) -> Answer:
        """POST /R.git/info/lfs/objects/batch; an object without actions is here already"""
        _check_write(request.headers)
        objects = []
        for wanted in request.json["objects"]:
            entry = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.blobs:
                href = f"{self.url}/lfs/{wanted['oid']}"
                entry["actions"] = {"upload": {"href": href, "header": {}}, "verify": {"href": f"{href}/verify"}}
            objects.append(entry)
        return Answer.of({"transfer": "basic", "objects": objects})

    def lfs_put(self, oid: str, body: bytes) -> Answer:
        """PUT /lfs/OID"""
        if hashlib.sha256(body).hexdigest() != oid:
            raise HubError(400, "BadRequest", "the content does not have the promised sha256")
        self.blobs[oid] = body
        return Answer(b"")

    def lfs_verify(self, oid: str, body: bytes) -> Answer:
        """POST /lfs/OID/verify"""
        if len(self.blobs.get(oid, b"")) != json.loads(body)["size"]:
            raise HubError(404, "NotFound", "no such object")
        return Answer(b"")

    def xet_token(self, request: Request) -> Answer:
        """GET /api/R/xet-{read,write}-token/REV"""
        if self.xet is None:
            raise HubError(404, "NoXet", "this stand-in has no Xet store")
        return self.xet.token()

    def push(self, request: Request) -> Answer:
        """POST /api/R/commit/REV: all of it or nothing, on top of the parent that was named"""
        _check_write(request.headers)
        lines = [json.loads(line) for line in request.body.splitlines()]
        (header,) = [line["value"] for line in lines if line["key"] == "header"]
        with self._writing:
            if header.get("parentCommit", request.repo.head) != request.repo.head:
                raise HubError(412, "PreconditionFailed", "A commit has happened since. Please refresh and try again.")
            files = dict(request.repo.commits[request.repo.head].files)
            for line in lines:
                self._apply(files, line["key"], line["value"])
            oid = request.repo.add(header["summary"], files)
        url = f"{self.url}/datasets/{request.repo.id}/commit/{oid}"
        return Answer.of({"success": True, "commitOid": oid, "commitUrl": url})

    def _apply(self, files: dict[str, bytes], key: str, value: dict[str, Any]) -> None:
        match key:
            case "file":
                files[value["path"]] = base64.b64decode(value["content"])
            case "lfsFile":
                files[value["path"]] = self._large(value["oid"], value["size"])
            case "deletedFile":
                if files.pop(value["path"], None) is None:
                    raise HubError(404, "EntryNotFound", f"A file with this name doesn't exist: {value['path']}")

    def _large(self, oid: str, size: int) -> bytes:
        if oid in self.blobs:
            return self.blobs[oid]
        if self.xet and (xet_hash := self.xet.hash_of(oid)):
            return Pointer(oid, size, xet_hash)
        raise HubError(400, "BadRequest", f"the large file {oid} was not uploaded")

    def tag(self, request: Request) -> Answer:
        """POST /api/R/tag/REV"""
        _check_write(request.headers)
        oid, _ = request.repo.resolve(request.split_revision()[0])
        name = request.json["tag"]
        with self._writing:
            if name in request.repo.tags:
                raise HubError(409, "Conflict", f"Tag reference exists already: {name}")
            request.repo.tags[name] = oid
        return Answer.of({})


def _role(headers: Any) -> str | None:
    return ROLES.get((headers.get("Authorization") or "").removeprefix("Bearer "))


def _check_write(headers: Any) -> None:
    if _role(headers) is None:
        raise HubError(401, "Unauthorized", "Invalid username or password.")
    if _role(headers) != "write":
        raise HubError(403, "Forbidden", "Forbidden: you must use a write token to write to a repository.")


def may_read(repo: Repo, headers: Any) -> bool:
    """Whether a request may see a repository."""
    return not repo.private or _role(headers) is not None
