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
from typing import Any
from urllib.parse import urlsplit

from scripts.standins.loopback import Exchange, Loopback

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


class FaultProxy(Loopback):
    """Serves on a free loopback port while the context lasts; `requests` counts what arrived, faults included."""

    def __init__(self, upstream: str, plan: Plan = lambda number: None, once: bool = False) -> None:
        super().__init__()
        self._upstream = urlsplit(upstream).netloc
        self.plan = plan
        self._once, self._spoiled = once, set[bytes]()
        self.requests = 0
        self.hanging = False
        self._lock = threading.Lock()

    def serve(self, exchange: Exchange) -> None:
        """Pass it on, or spoil it."""
        body = exchange.body()
        fault = self.next_fault(body) if exchange.command == "POST" else None
        self.hanging = self.hanging or fault == "hang"
        if fault in STATUSES:
            message = {"error": {"message": f"injected {fault}; {exchange.headers.get('Authorization', '')}"}}
            exchange.answer(STATUSES[fault], json.dumps(message).encode())
        elif fault == "reset":
            exchange.close_connection = True
            exchange.connection.shutdown(socket.SHUT_RDWR)
        elif not self.hang():
            answer = self.forward(exchange.command, exchange.path, body or None)
            exchange.answer(*spoiled(fault, *answer), cut=fault == "cut")

    def __exit__(self, *how: object) -> None:
        self.hanging = False
        super().__exit__(*how)

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
