"""The address of an engine, as a user gives it."""

from urllib.parse import urlsplit

from builder.engines import API_KEY_VARIABLE
from builder.errors import InputError


def base_url(url: str) -> str:
    """The base URL of a server, without `/v1`.

    A password has no place in it: it would stand in the process list, in `runtime.json` and in every error.

    Raises:
        InputError: not the URL of a server, or one with a password or a query in it (which the message leaves out).
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if "@" in url or parts.query or parts.fragment:
        raise InputError(
            f"--engine-url {host or '...'}: leave user, password and query out of the URL; "
            f"a server's key belongs into the environment variable {API_KEY_VARIABLE}"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(f"--engine-url {url}: expected something like http://127.0.0.1:8000")
    return url.rstrip("/").removesuffix("/v1")
