"""What the card and the Croissant file of a release both say of it, from its manifest."""

import re
from typing import Any

from builder.release.records import CONFIGS
from builder.release.summary import rows_by_config

_HUB_LICENSE = re.compile(r"[a-z0-9][a-z0-9.-]*")


def title(manifest: dict[str, Any]) -> str:
    """What a release is called."""
    sources = ", ".join(source["name"] for source in manifest["sources"])
    return named(f"D′ of {manifest['target']['name']} from {sources}", manifest)


def keywords(manifest: dict[str, Any]) -> list[str]:
    """Words to find it by."""
    subject = ["math"] if kind_of(manifest) == "value" else []
    return [*subject, "sft", "synthetic", "data-rewriting", "mind-the-gap", "distilabel"]


def licenses(manifest: dict[str, Any]) -> list[str]:
    """All licences that bear on a row, as the Hub names them; anything else is `other`."""
    declared = [manifest["target"]["license"], *(source["license"] or "unknown" for source in manifest["sources"])]
    return list(dict.fromkeys(name if _HUB_LICENSE.fullmatch(name) else "other" for name in declared))


def kind_of(manifest: dict[str, Any]) -> str:
    """What its responses are (`builder.method.kinds`); `math` says nothing of it."""
    return manifest["verifier"].get("kind", "value")


def part_of(manifest: dict[str, Any]) -> str | None:
    """Which part of a build a release is; None if the whole."""
    shard = manifest["settings"].get("shard")
    return f"shard {shard.replace('/', ' of ')}" if shard else None


def named(name: str, manifest: dict[str, Any]) -> str:
    """A name that says what else a release is than a whole, finished one."""
    return ", ".join(filter(None, [name, part_of(manifest), "interim" if manifest.get("interim") else None]))


def loadable(manifest: dict[str, Any]) -> list[str]:
    """The configs with rows; `datasets` fails on a split without any, so that one is better not declared."""
    if "summary" not in manifest:
        return list(CONFIGS)
    rows = rows_by_config(manifest["summary"])
    return [name for name in CONFIGS if rows[name]]


def base_model(manifest: dict[str, Any]) -> str:
    """The target's repository; a model that came from a directory has no name that means anything elsewhere."""
    local = manifest["target"]["revision"].startswith("local-")
    return manifest["target"]["name"] if local else manifest["target"]["model"]
