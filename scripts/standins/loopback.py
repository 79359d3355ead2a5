"""An HTTP server on a free port of the loopback interface: what all stand-ins for servers have in common."""

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

_JSON = {"Content-Type": "application/json"}


class Exchange(BaseHTTPRequestHandler):
    """One request, and the way to answer it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece: in two, the second waits 40 ms for an acknowledgement

    def body(self) -> bytes:
        """What was sent along."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] = _JSON, *, cut: bool = False) -> None:
        """Answer, or begin to and hang up."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut

    def _serve(self) -> None:
        self.server.standin.serve(self)

    do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Stand-ins count for themselves."""


class Loopback:
    """Serves while the context lasts, each request in a thread of its own; subclasses say how in `serve`.

    Attributes:
        url: of the server.
    """

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
        self._server.standin = self
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # clients that have gone meanwhile
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def serve(self, exchange: Exchange) -> None:
        """Answer a request."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
