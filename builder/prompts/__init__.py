"""The plain and the digest-and-retell prompt, one file each; their hashes are part of the provenance."""

import hashlib
import re
from functools import cache
from importlib import resources

PHASES = {"self": "plain", "guided": "guided"}


@cache
def template(name: str) -> str:
    """The text of a prompt file, without its final newline."""
    return (resources.files(__name__) / f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n")


def render(name: str, *, problem: str, solution: str = "") -> str:
    """Fill a prompt in one pass: a problem that contains `{solution}` stays as it is."""
    values = {"{problem}": problem, "{solution}": solution}
    return re.sub(r"\{problem\}|\{solution\}", lambda match: values[match.group()], template(name))


def hashes() -> dict[str, str]:
    """sha256 of every prompt file."""
    return {name: hashlib.sha256(template(name).encode()).hexdigest() for name in PHASES.values()}
