"""`manifest.json`: everything that says where a release comes from, and the sha256 of every file in it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from builder.errors import InputError

NAME = "manifest.json"


def file_facts(release: Path) -> dict[str, dict[str, Any]]:
    """sha256 and size in bytes of every file in a directory, by path within it."""
    return {f.relative_to(release).as_posix(): facts(f) for f in sorted(release.rglob("*")) if f.is_file()}


def facts(file: Path) -> dict[str, Any]:
    """sha256 and size in bytes of a file."""
    with file.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    return {"sha256": digest, "bytes": file.stat().st_size}


def read_manifest(release: Path) -> dict[str, Any] | None:
    """The manifest of a complete release; None if there is no directory, or an empty one, at this path.

    Raises:
        InputError: the path holds something that is not a release of ours.
    """
    file = release / NAME
    if file.is_file():
        try:
            return parse_manifest(file.read_bytes())
        except ValueError:
            raise InputError(f"{file} is not a manifest of this tool") from None
    if release.exists() and (not release.is_dir() or any(release.iterdir())):
        raise InputError(f"{release} exists and is not a release; choose another --output")
    return None


def parse_manifest(content: bytes) -> dict[str, Any]:
    """What a manifest says.

    Raises:
        ValueError: it is not one of this tool.
    """
    manifest = json.loads(content)
    if not isinstance(manifest, dict) or not {"settings", "fingerprint"} <= manifest.keys():
        raise ValueError("settings and fingerprint are missing")
    return manifest


def without_paths(manifest: dict[str, Any]) -> dict[str, Any]:
    """The same manifest with file names in place of paths: where something lay on a machine is nobody's business."""
    target, settings = manifest["target"], manifest["settings"]
    model = Path(target["model"]).name if target["revision"].startswith("local-") else target["model"]
    sources = [
        spec | {"name": known["name"] if "file" in known else spec["name"]}
        for spec, known in zip(settings["sources"], manifest["sources"], strict=True)
    ]
    if verifier := settings.get("verifier"):
        plugin = {"plugin": _without_place(verifier["plugin"])}
        settings = settings | {"verifier": verifier | plugin}
        manifest = manifest | {"verifier": manifest["verifier"] | plugin}
    against = [_without_folder(pinned) for pinned in settings.get("decontaminate", [])]
    settings = settings | {
        "sources": sources,
        "target": settings["target"] | {"model": model},
        "decontaminate": against,
    }
    return manifest | {"target": target | {"model": model}, "settings": settings}


def _without_place(plugin: str) -> str:
    """A verifier that is a server or a file, without its address or folder."""
    if "://" in plugin:
        return "http"
    prefix, _, file = plugin.partition("judge:")
    return plugin if prefix or not file else f"judge:{Path(file).name}"


def _without_folder(pinned: str) -> str:
    """A benchmark that was a file, by its name."""
    name, _, revision = pinned.rpartition("@")
    return f"{Path(name).name}@{revision}"
