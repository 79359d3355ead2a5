"""The changelog of a published dataset: one entry a version, in its manifest and its card."""

from typing import Any

from builder.config import setting_differences
from builder.publishing.versions import Version
from builder.release.manifest import without_paths

_MOST_SETTINGS = 20  # lines of an entry; a longer list says nothing to a person


def extended(
    previous: dict[str, Any] | None, manifest: dict[str, Any], version: Version, note: str | None
) -> list[dict[str, Any]]:
    """The changelog with an entry for `version` at its head.

    Args:
        previous: manifest of the version published before; None if there is none.
        manifest: of the release to publish.
        version: its version.
        note: what a person has to say about it; None leaves what can be read off the manifests.

    Returns:
        Entries, the newest first: `version`, `date` (of the build), `changes` (lines of text).
    """
    earlier = previous.get("publication", {}).get("changelog", []) if previous else []
    changes = [note] if note else []
    changes += _changes(previous, manifest) if previous else ["first version", *_unfinished(manifest)]
    return [{"version": str(version), "date": manifest["created"][:10], "changes": changes}, *earlier]


def _changes(previous: dict[str, Any], manifest: dict[str, Any]) -> list[str]:
    old, new = previous["summary"]["stages"], manifest["summary"]["stages"]
    rows = [f"{stage}: {old[stage]:,} rows before, {new[stage]:,} now" for stage in new if old.get(stage) != new[stage]]
    settings = setting_differences(previous["settings"], without_paths(manifest)["settings"])
    if len(settings) > _MOST_SETTINGS:
        settings = [*settings[:_MOST_SETTINGS], f"and {len(settings) - _MOST_SETTINGS} more settings"]
    return [*_unfinished(manifest), *rows, *settings] or ["the same settings and counts"]


def _unfinished(manifest: dict[str, Any]) -> list[str]:
    interim = manifest.get("interim")
    return [f"interim: {interim['unfinished']:,} rows are not finished yet"] if interim else []
