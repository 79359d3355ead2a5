"""Versions of a published dataset: `MAJOR.MINOR.PATCH`, as the tag `vMAJOR.MINOR.PATCH` of its repository."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from builder.errors import InputError

_NUMBER = r"(0|[1-9][0-9]*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}")


class Version(NamedTuple):
    """A semantic version without pre-release or build parts, in the order of its numbers."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return ".".join(map(str, self))

    @property
    def tag(self) -> str:
        """The name of its tag."""
        return f"v{self}"


def parse_version(text: str) -> Version:
    """Read `1.0.0`.

    Raises:
        InputError: it is not three numbers.
    """
    if not (match := _VERSION.fullmatch(text)):
        raise InputError(f"version {text!r} must be three numbers, MAJOR.MINOR.PATCH, such as 1.0.0")
    return Version(*map(int, match.groups()))


def versions_among(tags: Iterable[str]) -> list[Version]:
    """The versions that tags stand for, ascending; other tags are left out."""
    return sorted(parse_version(tag[1:]) for tag in tags if tag.startswith("v") and _VERSION.fullmatch(tag[1:]))
