"""`manifest.json`: everything that says where a release comes from, and the sha256 of every file in it."""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from builder import __version__
from builder.building.workspace import Workspace
from builder.config import Sampling
from builder.engines import TRUSTED
from builder.errors import InputError
from builder.journal.journal import Journal
from builder.policy.chat import Chat
from builder.verification.verifier import verifier_version

NAME = "manifest.json"
_LIBRARIES = ("datasets", "distilabel", "math-verify", "pyarrow", "torch", "transformers")


def manifest(workspace: Workspace, journal: Journal, chat: Chat, summary: dict[str, Any]) -> dict[str, Any]:
    """The provenance of a finished build, but for the facts about its files."""
    settings = workspace.settings()
    target, progress = settings.target, journal.progress()
    sessions, seconds = journal.sessions()
    return {
        "tool": {"name": "mind-the-gap", "version": __version__, "commit": _commit()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "target": {
            "name": target.name,
            "model": target.model,
            "revision": settings.model_revision,
            "dtype": target.dtype,
            "license": target.license,
            "system_prompt": target.system_prompt,
            "template_kwargs": target.template_kwargs,
            "end_of_turn": target.end_of_turn,
            "hashes": chat.hashes(),
        },
        "sources": json.loads(workspace.provenance_file.read_text(encoding="utf-8")),
        "prompts": settings.prompt_hashes,
        "sampling": settings.sampling.model_dump(),
        "seed": settings.seed,
        "rules": {"name": settings.rules.name, **settings.rules.model_dump()},
        "verifier": {"version": verifier_version(), "deadline_seconds": settings.verifier_deadline},
        "engine": ", ".join(workspace.engines()) or None,
        "engine_check": ", ".join(workspace.engine_checks()) or None,
        "logprob_mode": _logprob_mode(settings.sampling, workspace.engine_checks()),
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
        "summary": summary,
        "cost": {
            "sampled_tokens": progress.sampled_tokens,
            "scored_tokens": progress.scored_tokens,
            "sessions": sessions,
            "seconds": round(seconds, 1),
        },
        "fingerprint": settings.fingerprint,
        "settings": settings.model_dump(mode="json"),
    }


def _logprob_mode(sampling: Sampling, checks: Sequence[str]) -> str:
    """What the log-probs of a release are, and whether anybody looked."""
    doubt = "" if sampling.from_policy or TRUSTED not in checks else ", as the attached engine says"
    return (
        "policy: temperature 1, under the plain prompt; behavior: as sampled "
        f"(temperature {sampling.temperature}, top_p {sampling.top_p}{doubt})"
    )


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
    settings = settings | {"sources": sources, "target": settings["target"] | {"model": model}}
    return manifest | {"target": target | {"model": model}, "settings": settings}


def _commit() -> str | None:
    """The commit of the checkout that this code runs from; None if it was installed as a package."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        # A package installed below somebody else's checkout is not tracked there.
        subprocess.run([*git, "ls-files", "--error-unmatch", "__init__.py"], capture_output=True, check=True)
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip()
