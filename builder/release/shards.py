"""The releases of a build's shards: whether they belong together, and what they say together."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from builder.config import Settings, Shard, setting_differences
from builder.errors import InputError
from builder.machine.validation import validated
from builder.release.manifest import NAME, facts
from builder.release.open import Release
from builder.release.tiers import of_texts

# What all shards of a build have in common, the widest first.
_COMMON = ("settings", "target", "sources", "verifier")
_OF_THE_RELEASE = ("publication", "reverification", "plots", "files")  # not of the build


def in_order(releases: Sequence[Release]) -> list[Release]:
    """The shards of one build, from the first to the last.

    Args:
        releases: in any order.

    Raises:
        InputError: one is missing, there twice, no shard, or of another build.
    """
    by_number: dict[int, Release] = {}
    first = releases[0]
    of = _shard(first).of
    for release in releases:
        shard = _shard(release)
        _refuse_another_build(first, release)
        if shard.of != of:
            raise InputError(f"{release.name} is shard {shard}, but {first.name} is one of {of}: not of one build")
        if (other := by_number.setdefault(shard.number, release)) is not release:
            raise InputError(f"{other.name} and {release.name} are both shard {shard}; give each shard once")
    if missing := [str(number) for number in range(1, of + 1) if number not in by_number]:
        raise InputError(f"of {of} shards {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    return [by_number[number] for number in range(1, of + 1)]


def whole_settings(release: Release) -> Settings:
    """The settings of the build that a shard is a part of."""
    return validated(Settings, release.manifest["settings"] | {"shard": None}, f"{release.path / NAME}: settings")


def identities(releases: Sequence[Release]) -> list[str]:
    """sha256 of each shard's manifest, which names the sha256 of each of its files."""
    return [facts(release.path / NAME)["sha256"] for release in releases]


def refuse_repeated_ids(releases: Sequence[Release]) -> None:
    """Check that every source row is in one shard only, once.

    Raises:
        InputError: naming an id, and the directories that it is in.
    """
    import polars as pl

    ids = [
        release.scan(config).select("id", pl.lit(number).alias("shard"))
        for number, release in enumerate(releases)
        for config in ("default", "rejected")
    ]
    repeated = pl.concat(ids).group_by("id").agg(pl.col("shard").sort()).filter(pl.col("shard").list.len() > 1)
    for row_id, numbers in repeated.sort("id").head(1).collect(engine="streaming").iter_rows():
        where = " and ".join(releases[number].name for number in numbers)
        raise InputError(f"row {row_id} is in {where}: the source has changed between them; build them again")


def merged_manifest(releases: Sequence[Release], summary: dict[str, Any]) -> dict[str, Any]:
    """The manifest of the whole, but for the facts about its files: settings of the whole build, costs added up.

    Args:
        releases: all shards, in order.
        summary: of the merged rows.
    """
    manifests = [release.manifest for release in releases]
    settings = whole_settings(releases[0])
    common = {key: value for key, value in manifests[0].items() if key not in _OF_THE_RELEASE}
    return common | {
        "tool": common["tool"] | {"commit": _listing(m["tool"]["commit"] for m in manifests)},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": _union(m["engine"] for m in manifests),
        "engine_check": _union(m.get("engine_check") for m in manifests),
        "libraries": {name: _listing(m["libraries"].get(name) for m in manifests) for name in common["libraries"]},
        "summary": summary,
        "cost": {name: round(sum(m["cost"][name] for m in manifests), 1) for name in common["cost"]},
        "fingerprint": settings.fingerprint,
        "settings": settings.model_dump(mode="json"),
        "shards": [
            {
                "shard": m["settings"]["shard"],
                "manifest": identity,
                "created": m["created"],
                "engine": m["engine"],
                "rows": m["summary"]["stages"]["all"],
                "cost": m["cost"],
            }
            for m, identity in zip(manifests, identities(releases), strict=True)
        ],
    }


def _shard(release: Release) -> Shard:
    if interim := release.manifest.get("interim"):
        raise InputError(
            f"{release.name} is an interim release: {interim['unfinished']:,} of its rows are not finished; give the "
            "release of the finished shard"
        )
    if "reselection" in release.manifest:
        raise InputError(f"{release.name} was made by builder.reselect; merge the shards as built, then choose again")
    if not (shard := release.manifest["settings"].get("shard")):
        raise InputError(f"{release.name} is not a shard; builder.build --shard makes them")
    return Shard.model_validate(shard)


def _refuse_another_build(first: Release, other: Release) -> None:
    for part in _COMMON:
        before, after = ({part: _common(part, release.manifest[part])} for release in (first, other))
        if lines := setting_differences(before, after):
            differences = "; ".join(line.removeprefix(f"{part}.") for line in lines)
            raise InputError(f"{other.name} is not of the same build as {first.name}: {part} differ: {differences}")


def _common(part: str, content: Any) -> Any:
    """Settings without the shard, and without what each machine may have its own of."""
    return of_texts(content | {"shard": None}) if part == "settings" else content


def _union(listings: Iterable[str | None]) -> str | None:
    """All different parts of the shards' listings."""
    return _listing(part for listing in listings if listing for part in listing.split(", "))


def _listing(values: Iterable[str | None]) -> str | None:
    """The one value that all shards have, or all different ones."""
    return ", ".join(dict.fromkeys(value for value in values if value)) or None
