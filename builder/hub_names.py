"""Names of repositories on the Hub."""

import re

from builder.errors import InputError

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""What can be meant as `namespace/name`, and not as a file."""

_NEW = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


def check_repo(name: str) -> str:
    """The name of a dataset repository to write to, if the Hub takes such a name.

    Raises:
        InputError: it is not of the form `namespace/name`.
    """
    if not _NEW.fullmatch(name) or "--" in name or ".." in name or name.endswith((".git", ".", "-")):
        raise InputError(f"{name!r} is no name of a dataset repository; it has the form USER/NAME")
    return name
