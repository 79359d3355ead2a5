"""A proxy on loopback between the builder and an engine that spoils the answers it is told to spoil.

`FaultProxy(upstream, plan)` forwards everything. Before each completion request it asks `plan(number)`, numbers counted
from 0, for the name of a fault out of `FAULTS`, or None to let the answer pass. With `once`, a request that was spoiled
passes when it is sent again.
"""

import http.client
import json
import math
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Plan = Callable[[int], str | None]
Choices = list[dict[str, Any]]


def _logprobs(choice: dict[str, Any], bend: Callable[[list[float]], list[Any]]) -> None:
    """Bend the log-probs of a sample, or of a scored text, whichever the choice holds."""
    if choice.get("prompt_logprobs"):
        entry = choice["prompt_logprobs"][-1]
        for token, scores in entry.items():
            bent = bend([scores["logprob"]])
            entry[token] = {"logprob": bent[0]} if bent else {}
    else:
        choice["logprobs"]["token_logprobs"] = bend(choice["logprobs"]["token_logprobs"])


def _tokens(choice: dict[str, Any], bend: Callable[[list[int]], list[Any]]) -> None:
    choice["token_ids"] = bend(choice["token_ids"])
    if choice.get("prompt_logprobs"):
        choice["prompt_logprobs"].pop()


STATUSES = {"500": 500, "503": 503, "429": 429, "400": 400, "401": 401}
BROKEN = ("reset", "cut", "not_json", "hang")
BENT: dict[str, Callable[[Choices], Any]] = {
    "fewer_choices": lambda choices: choices.pop(),
    "no_choices": lambda choices: choices.clear(),
    "fewer_tokens": lambda choices: _tokens(choices[-1], lambda ids: ids[:-1]),
    "more_tokens": lambda choices: _tokens(choices[-1], lambda ids: [*ids, 5]),
    "impossible_token": lambda choices: _tokens(choices[-1], lambda ids: [2**40, *ids[1:]]),
    "nan": lambda choices: _logprobs(choices[-1], lambda values: [*values[:-1], math.nan]),
    "infinite": lambda choices: _logprobs(choices[-1], lambda values: [*values[:-1], -math.inf]),
    "positive": lambda choices: _logprobs(choices[-1], lambda values: [*values[:-1], 0.7]),
    "text_for_a_number": lambda choices: _logprobs(choices[-1], lambda values: [*values[:-1], "-0.5"]),
    "fewer_logprobs": lambda choices: _logprobs(choices[-1], lambda values: values[:-1]),
}
FAULTS = (*STATUSES, *BROKEN, *BENT)


class FaultProxy:
    """Serves on a free loopback port while the context lasts; `requests` counts what arrived, faults included."""

    def __init__(self, upstream: str, plan: Plan = lambda number: None, once: bool = False) -> None:
        self._upstream = urlsplit(upstream).netloc
        self.plan = plan
        self._once, self._spoiled = once, set[bytes]()
        self.requests = 0
        self.hanging = False
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if not proxy.hang():
                    self._send(*proxy.forward("GET", self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fault = proxy.next_fault(body)
                if fault == "hang":
                    proxy.hanging = True
                if fault in STATUSES:
                    message = {"error": {"message": f"injected {fault}; {self.headers.get('Authorization', '')}"}}
                    self._send(STATUSES[fault], json.dumps(message).encode())
                elif fault == "reset":
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                elif not proxy.hang():
                    self._send(*spoiled(fault, *proxy.forward("POST", self.path, body)), cut=fault == "cut")

            def _send(self, status: int, body: bytes, cut: bool = False) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if cut else body)
                self.close_connection = cut

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # clients that have gone meanwhile
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "FaultProxy":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hanging = False
        self._server.shutdown()
        self._server.server_close()

    def next_fault(self, body: bytes) -> str | None:
        """The fault of the request that has just arrived."""
        with self._lock:
            number, self.requests = self.requests, self.requests + 1
            if body in self._spoiled:
                return None
            fault = self.plan(number)
            if fault and self._once:
                self._spoiled.add(body)
        return fault

    def hang(self) -> bool:
        """Answer nothing for as long as `hanging` says so; whether it did."""
        hung = self.hanging
        while self.hanging:
            time.sleep(0.05)
        return hung

    def forward(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of the upstream's answer."""
        connection = http.client.HTTPConnection(self._upstream, timeout=600)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def spoiled(fault: str | None, status: int, body: bytes) -> tuple[int, bytes]:
    """An answer with the fault in it."""
    if fault == "not_json":
        return 200, b"<html>502 Bad Gateway</html>"
    if fault not in BENT or status != 200:
        return status, body
    content = json.loads(body)
    BENT[fault](content["choices"])
    return 200, json.dumps(content).encode()
