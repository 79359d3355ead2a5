"""A finished release, wherever it is: a directory on this machine, or a dataset repository at a version.

release = open_release("releases/demo")
release = open_release("you/d-prime@v1.0.0", configs=("default", "tokens"))
release.scan("default").group_by("stage").len().collect()
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import InputError
from builder.hub import HUB_ID
from builder.release.manifest import NAME, file_facts, read_manifest
from builder.release.records import CONFIGS, schema

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Release:
    """A complete release on this machine.

    Attributes:
        name: as the user called it, the version included.
        path: its directory.
        revision: commit sha of the repository that it comes from; None for a local directory.
        manifest: the content of its `manifest.json`.
    """

    name: str
    path: Path
    revision: str | None
    manifest: dict[str, Any]

    @property
    def title(self) -> str:
        """What to call it on a page: a directory by its name alone."""
        return self.name if self.revision else self.path.resolve().name

    def files(self, config: str) -> list[Path]:
        """The Parquet files of a config, in order.

        Raises:
            InputError: it has none.
        """
        files = sorted((self.path / "data" / config).glob("*.parquet"))
        if not files:
            raise InputError(f"release {self.name} has no files of config {config!r}")
        return files

    def has(self, config: str) -> bool:
        """Whether it has a config at all, with rows or without; earlier versions of the tool wrote fewer."""
        return any((self.path / "data" / config).glob("*.parquet"))

    def scan(self, config: str) -> "pl.LazyFrame":
        """A config, lazily."""
        import polars as pl

        return pl.scan_parquet(self.files(config))


def with_all_columns(frame: "pl.LazyFrame", config: str) -> "pl.LazyFrame":
    """A config of a release, with nulls in the columns that an earlier version of the tool did not write."""
    import polars as pl

    there, expected = frame.collect_schema(), pl.from_arrow(schema(CONFIGS[config]).empty_table()).schema
    return frame.with_columns(pl.lit(None, kind).alias(name) for name, kind in expected.items() if name not in there)


def open_release(name: str, revision: str | None = None, configs: Sequence[str] = tuple(CONFIGS)) -> Release:
    """Find a release; one on the Hub is downloaded into the Hub's cache, at one commit.

    Args:
        name: directory, or `namespace/name` of a dataset repository, with its version as `namespace/name@v1.0.0`.
        revision: the version, where it is not part of the name: tag, branch or commit sha.
        configs: what is needed of it; other configs are not downloaded.

    Raises:
        InputError: there is no such release, or it is incomplete.
    """
    if Path(name).is_dir():
        if revision:
            raise InputError(f"{name} is a local directory: a revision does not apply to it")
        return _release(name, Path(name), None)
    repo, _, version = name.partition("@")
    if Path(name).is_file():
        raise InputError(f"{name} is a file, and not a release")
    if not HUB_ID.fullmatch(repo):
        raise InputError(f"{name} is neither a directory nor a dataset repository, namespace/name or namespace/name@v1")
    if version and revision and version != revision:
        raise InputError(f"two versions of {repo} are asked for: {version} and {revision}")
    return _download(repo, version or revision, configs)


def check_files(release: Release) -> None:
    """Check that a release is what its manifest says, file by file; of one from the Hub, its data.

    Raises:
        InputError: a file was changed, removed or added since it was built.
    """
    promised, found = release.manifest["files"], file_facts(release.path)
    found.pop(NAME, None)
    if release.revision:  # plots are not downloaded
        promised, found = ({path: facts[path] for path in facts if path.startswith("data/")}
                           for facts in (promised, found))  # fmt: skip
    for path in sorted(promised.keys() | found.keys()):
        if path not in found:
            raise InputError(f"release {release.name}: {path} is missing; build it again")
        if path not in promised:
            raise InputError(f"release {release.name}: {path} is not part of it; move it elsewhere")
        if found[path]["sha256"] != promised[path]["sha256"]:
            raise InputError(f"release {release.name}: {path} was changed after it was built; build it again")


def _download(repo: str, revision: str | None, configs: Sequence[str]) -> Release:
    from huggingface_hub import HfApi, snapshot_download

    from builder.hub import one_line

    name = f"{repo}@{revision}" if revision else repo
    patterns = [NAME, "README.md", *(f"data/{config}/*.parquet" for config in configs)]
    with one_line(f"{name} is no directory here; as a dataset it"):
        sha = HfApi().dataset_info(repo, revision=revision).sha
        path = snapshot_download(repo, repo_type="dataset", revision=sha, allow_patterns=patterns)
    return _release(name, Path(path), sha)


def _release(name: str, path: Path, revision: str | None) -> Release:
    try:
        manifest = read_manifest(path)
    except InputError:
        manifest = None
    if manifest is None:
        raise InputError(f"{name} is not a release of this tool: it has no usable {NAME}")
    return Release(name, path, revision, manifest)
