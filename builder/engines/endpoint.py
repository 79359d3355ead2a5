"""One server as its client sees it: how to exchange a message with it, and whether it is up."""

import json
import os
import time
from dataclasses import dataclass
from typing import Any

import aiohttp

from builder.errors import EngineError

API_KEY_VARIABLE = "MTG_ENGINE_API_KEY"
_CONNECT_SECONDS = 10.0


class ExchangeError(Exception):
    """One exchange failed and another may succeed.

    Args:
        reason: one line.
        outage: whether the server, rather than this one request, is at fault.
        retry_after: seconds that the server asked to be left alone.
    """

    def __init__(self, reason: str, *, outage: bool, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.outage, self.retry_after = outage, retry_after


@dataclass
class Endpoint:
    """A server's address and state.

    Attributes:
        url: base URL, without `/v1`.
        load: sequences in flight.
        failures: outages in a row.
        down_until: not to be preferred before this `time.monotonic()`.
    """

    url: str
    load: int = 0
    failures: int = 0
    down_until: float = 0.0

    @property
    def is_up(self) -> bool:
        """Whether nothing is known against sending the next request here."""
        return self.down_until <= time.monotonic()

    async def exchange(
        self, session: aiohttp.ClientSession, method: str, path: str, body: dict[str, Any] | None = None
    ) -> Any:
        """Send one request and return the parsed JSON of the answer.

        Raises:
            ExchangeError: worth another attempt.
            EngineError: the server refuses the request; it would do so again.
        """
        try:
            async with session.request(method, self.url + path, json=body) as response:
                text = await response.text()
        except aiohttp.InvalidURL:
            raise EngineError(f"{self.url!r} is not the URL of an engine") from None
        except (aiohttp.ClientError, OSError) as error:  # time-outs are OSErrors
            raise ExchangeError(str(error) or "no answer in time", outage=True) from None
        if response.status == 429 or response.status >= 500:
            outage = response.status in (429, 502, 503, 504)
            wait = _seconds(response.headers.get("Retry-After", ""))
            raise ExchangeError(f"HTTP {response.status}: {_message(text)}", outage=outage, retry_after=wait)
        if response.status >= 400:
            hint = f" (is {API_KEY_VARIABLE} right?)" if response.status in (401, 403) else ""
            raise EngineError(f"engine at {self.url} refused a request: HTTP {response.status}: {_message(text)}{hint}")
        try:
            return json.loads(text)
        except ValueError:
            raise ExchangeError(f"the answer is not JSON: {text[:100]!r}", outage=False) from None


def open_session(timeout: float) -> aiohttp.ClientSession:
    """A session for engine requests, with the API key from the environment; belongs to the running event loop."""
    key = os.environ.get(API_KEY_VARIABLE)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),  # the engine's budget is the limit
        timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_SECONDS),
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )


def _message(text: str) -> str:
    """What a server says in an error's body, whatever shape it has, on one line."""
    try:
        body = json.loads(text)
        error = body.get("error", body)
        text = error["message"] if isinstance(error, dict) else error
    except (ValueError, AttributeError, KeyError):
        pass
    return " ".join(str(text).split())[:300]


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.replace(".", "", 1).isdigit() else 0.0
