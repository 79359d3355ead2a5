"""A stand-in for the Hub over loopback: real HTTP, real commits, repositories in memory.

with HubStandIn() as hub:
    sha = hub.commit("AI-MO/NuminaMath-CoT", {"data/train-00000-of-00001.parquet": content})
    subprocess.run([...], env=os.environ | hub.environment(cache))

The client reads its endpoint at import, so the code under test has to run in a process of its own.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from scripts.standins.loopback import Exchange, Loopback
from tests.hub_standin.read import ReadRoutes
from tests.hub_standin.repos import Answer, HubError, Repo, RepoType, Request
from tests.hub_standin.write import READ_TOKEN, TOKEN, WriteRoutes, may_read
from tests.hub_standin.xet import XetStore

__all__ = ["READ_TOKEN", "TOKEN", "DroppedError", "HubError", "HubStandIn"]


class DroppedError(Exception):
    """Raised by `before` or `after`: the connection is closed without an answer."""


class HubStandIn(ReadRoutes, WriteRoutes, Loopback):
    """Serves dataset and model repositories on 127.0.0.1.

    Attributes:
        repos: by type and name.
        requests: how often each `METHOD /path` was asked for.
        bodies: bytes received, by `METHOD /path`.
        before: called with `METHOD /path` before a request is served; may raise HubError or DroppedError.
        after: the same, once it is served and before it is answered: what was asked for has been done.

    Args:
        xet: folder of a Xet store; None turns Xet off, as for a client without it.
    """

    def __init__(self, xet: Path | None = None) -> None:
        super().__init__()
        self.repos: dict[tuple[RepoType, str], Repo] = {}
        self.requests: Counter[str] = Counter()
        self.bodies: Counter[str] = Counter()
        self.before: Callable[[str], None] = lambda request: None
        self.after: Callable[[str], None] = lambda request: None
        self.xet = XetStore(xet) if xet else None

    def environment(self, home: Path, token: str = "") -> dict[str, str]:
        """Variables that point a fresh process at this stand-in, with `home` as its cache."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_TOKEN": token,
            "HF_HUB_DISABLE_XET": "" if self.xet else "1",
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
        oid = repo.add(title, files)
        if tag:
            repo.tags[tag] = oid
        return oid

    def dispatch(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Find the route of a request and ask it."""
        url = urlsplit(target)
        if account := {
            ("GET", "/api/whoami-v2"): lambda: self.whoami(headers),
            ("POST", "/api/repos/create"): lambda: self.create(headers, body),
            ("POST", "/api/validate-yaml"): lambda: self.validate_yaml(headers, body),
        }.get((method, url.path)):
            return account()
        if match := re.fullmatch(r"/lfs/(\w{64})(/verify)?", url.path):
            return (self.lfs_verify if match[2] else self.lfs_put)(match[1], body)
        for allowed, pattern, route in self._routes():
            if method in allowed and (match := re.fullmatch(pattern, url.path)):
                repo = self.repos.get(("dataset" if match["type"] else "model", match["repo"]))
                if repo is None or not may_read(repo, headers):
                    raise HubError(404, "RepoNotFound", "Repository not found")
                rest = match.groupdict().get("rest") or ""
                return route(Request(repo, rest, parse_qs(url.query), headers, body))
        raise HubError(404, "NoRoute", f"the stand-in has no route for {method} {url.path}")

    def _routes(self) -> list[tuple[tuple[str, ...], str, Callable[[Request], Answer]]]:
        repo = r"(?P<repo>[\w.-]+/[\w.-]+?)"
        api = rf"/api/(?:(?P<type>datasets)|models)/{repo}"
        return [
            (("GET",), rf"{api}(?:/revision/(?P<rest>.+))?", self.info),
            (("GET",), rf"{api}/tree/(?P<rest>.+)", self.tree),
            (("POST",), rf"{api}/paths-info/(?P<rest>.+)", self.paths_info),
            (("GET",), rf"{api}/refs", self.refs),
            (("GET",), rf"{api}/commits/(?P<rest>.+)", self.commits),
            (("HEAD", "GET"), rf"/(?:(?P<type>datasets)/)?{repo}/resolve/(?P<rest>.+)", self.resolve),
            (("POST",), rf"{api}/preupload/(?P<rest>.+)", self.preupload),
            (("POST",), rf"/(?:(?P<type>datasets)/)?{repo}\.git/info/lfs/objects/batch", self.lfs_batch),
            (("GET",), rf"{api}/xet-(?:read|write)-token/(?P<rest>.+)", self.xet_token),
            (("POST",), rf"{api}/commit/(?P<rest>.+)", self.push),
            (("POST",), rf"{api}/tag/(?P<rest>.+)", self.tag),
        ]

    def serve(self, exchange: Exchange) -> None:
        body = exchange.body()
        line = f"{exchange.command} {urlsplit(exchange.path).path}"
        self.requests[line] += 1
        self.bodies[line] += len(body)
        try:
            self.before(line)
            answer = self.dispatch(exchange.command, exchange.path, exchange.headers, body)
            self.after(line)
        except HubError as error:
            body = json.dumps({"error": str(error)}).encode()
            headers = {"X-Error-Code": error.code, "X-Error-Message": str(error), **error.headers}
            answer = Answer(body, headers, error.status)
        except DroppedError:
            exchange.close_connection = True
            return
        exchange.answer(answer.status, answer.body, answer.headers)
