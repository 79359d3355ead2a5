"""The Hub: names of repositories, and what its client raises as one line for a person."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from builder.errors import InputError

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""What can be meant as `namespace/name`, and not as a file."""

_NEW = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REASON_CHARACTERS = 400


def check_repo(name: str) -> str:
    """The name of a dataset repository to write to, if the Hub takes such a name.

    Raises:
        InputError: it is not of the form `namespace/name`.
    """
    if not _NEW.fullmatch(name) or "--" in name or ".." in name or name.endswith((".git", ".", "-")):
        raise InputError(f"{name!r} is no name of a dataset repository; it has the form USER/NAME")
    return name


@contextmanager
def one_line(where: str) -> Iterator[None]:
    """Turn whatever reading from the Hub raises into an InputError that begins with `where`.

    Args:
        where: what is read, e.g. "dataset openai/gsm8k at main".

    Raises:
        InputError: no such repository or revision, no access, or the Hub is not reachable.
    """
    from datasets.exceptions import DatasetGenerationError
    from huggingface_hub import constants, errors

    try:
        yield
    except InputError:
        raise
    except errors.GatedRepoError:
        raise InputError(
            f"{where} is gated: accept its terms on its Hub page and set HF_TOKEN (or `hf auth login`)"
        ) from None
    except errors.RevisionNotFoundError:
        raise InputError(f"{where}: there is no such revision; leave it out for the newest") from None
    except errors.RepositoryNotFoundError:
        raise InputError(
            f"{where} is neither on this machine nor on the Hub ({constants.ENDPOINT}), or your token may not read it"
        ) from None
    # Everything else: the client passes on the errors of its HTTP library, which is not the same in all versions,
    # and `datasets` raises built-in exceptions for an unknown config or split.
    except Exception as error:
        # What `datasets` meets while it prepares a split is wrapped in something that says nothing.
        cause = (error.__cause__ or error) if isinstance(error, DatasetGenerationError) else error
        reason = " ".join(str(cause).split())[:_REASON_CHARACTERS]
        raise InputError(
            f"{where} cannot be loaded from {constants.ENDPOINT}: {type(cause).__name__}: {reason}"
        ) from None
