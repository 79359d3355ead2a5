"""Telling the failures that pass by themselves from those that do not, however the Hub's client reports them."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from builder.errors import HubError, InputError, MindTheGapError

T = TypeVar("T")

BASE_SECONDS = 1.0
MOST_SECONDS = 60.0
ATTEMPTS = 8  # failures in a row before giving up: about two minutes

_PASSING = frozenset({408, 409, 412, 429, 500, 502, 503, 504})  # 409, 412: somebody else was faster
_HTTP_LIBRARIES = frozenset({"httpx", "httpx2", "httpcore", "httpcore2"})  # which one depends on the client's version


def patiently(action: Callable[[], T], where: str, say: Callable[[str], None]) -> T:
    """Do something on the Hub, again and again while what stops it may pass.

    Args:
        action: safe to repeat, even where the Hub had done it and only the answer was lost.
        where: what it is about, for the error.
        say: tells a person that there is a wait.

    Raises:
        InputError: the token is not accepted or may not do this.
        HubError: it failed for good, or too often.
    """
    failures = 0
    while True:
        try:
            return action()
        except MindTheGapError:
            raise
        except Exception as error:  # the client has no common type for what the network does
            failures += 1
            if status(error) in (401, 403):
                raise InputError(f"{where}: your token is not allowed to do this ({_reason(error)})") from None
            if not passes(error):
                raise HubError(f"{where}: {_reason(error)}; the same command continues") from error
            if failures == ATTEMPTS:
                raise HubError(f"{where}: gave up after {failures} attempts ({_reason(error)})") from None
            seconds = seconds_to_wait(error, failures)
            say(f"the Hub: {_reason(error)}; trying again in {seconds:.0f} s")
            time.sleep(seconds)


def passes(error: BaseException) -> bool:
    """Whether doing the same again may succeed: the network, an overloaded Hub, or somebody else's commit."""
    return any(_passes(cause) for cause in _chain(error))


def seconds_to_wait(error: BaseException, failures: int) -> float:
    """How long to wait after so many failures in a row: what the Hub asks for, else twice as long as before."""
    asked = next((seconds for cause in _chain(error) if (seconds := _retry_after(cause)) is not None), None)
    return min(MOST_SECONDS, BASE_SECONDS * 2 ** (failures - 1) if asked is None else asked)


def status(error: BaseException) -> int | None:
    """The HTTP status behind an error, if there is one."""
    return next((code for cause in _chain(error) if (code := _status(cause)) is not None), None)


def _passes(error: BaseException) -> bool:
    if (code := _status(error)) is not None:
        return code in _PASSING
    library = type(error).__module__.partition(".")[0]
    return isinstance(error, ConnectionError | TimeoutError) or library in _HTTP_LIBRARIES


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _retry_after(error: BaseException) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return float(headers.get("Retry-After", ""))
    except ValueError:
        return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _reason(error: BaseException) -> str:
    """What the Hub said, or else the deepest cause, in one line."""
    causes = list(_chain(error))
    said = next((text for cause in causes if (text := getattr(cause, "server_message", None))), None)
    text = f"{status(error)}: {said}" if said else f"{type(causes[-1]).__name__}: {causes[-1]}"
    return " ".join(text.split())[:400]
