"""From what the user named to rows that can be read: built-in names, local files, Hub datasets."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.config import SourceSpec
from builder.errors import InputError
from builder.hub import HUB_ID
from builder.machine.cli import meant
from builder.sources import generated, gym, hub, stored
from builder.sources.fields import Fields, find_fields
from builder.sources.files import FORMATS, open_local
from builder.sources.table import Record, Table

BUILT_IN = (*hub.BUILT_IN, *generated.BUILT_IN)
_PATH_STARTS = ("/", "./", "../", "~")


@dataclass(frozen=True)
class Source:
    """An opened source.

    Attributes:
        spec: how the user asked for it.
        name: what its rows and the release call it; never a path of this machine.
        table: its rows.
        fields: its columns that are read.
        provenance: `name`, `repo` or `file`, `revision` (commit sha, or `sha256:` of the file), `license`, `rows`.
    """

    spec: SourceSpec
    name: str
    table: Table
    fields: Fields
    provenance: dict[str, Any]

    @property
    def slug(self) -> str:
        """The name as it begins an id: lower case, dashes."""
        stem = self.name.removesuffix(Path(self.name).suffix) if "file" in self.provenance else self.name
        return re.sub(r"[\W_]+", "-", stem.casefold()).strip("-") or "source"

    def read(self, indices: Sequence[int]) -> Iterator[Record]:
        """One record for each of the zero-based, ascending `indices`.

        Raises:
            InputError: the source has become unreadable.
        """
        with _reading(self.spec):
            yield from self.table.read(indices, self.fields.columns)


def open_source(spec: SourceSpec, seed: int) -> Source:
    """Find the source that `spec` names, count its rows and find its fields; few or none of them are read yet.

    Raises:
        InputError: there is no such source, it cannot be read, it is empty, or it lacks a field.
    """
    if spec.name.startswith(gym.PREFIX) and not spec.metadata_fields:
        spec = spec.model_copy(update={"metadata_fields": ["metadata"]})  # without which nothing can be scored
    with _reading(spec):
        table, provenance = _open(spec, seed)
        if not len(table):
            raise InputError(f"{spec.name} is empty: it holds no rows")
        if not table.columns:
            first = next(table.read([0], []))
            raise InputError(f"{spec.name} holds no row with fields; {first.where}: {first.fault or 'no fields'}")
        fields = find_fields(spec, table)
    name = provenance.get("file") or spec.name
    return Source(spec, name, table, fields, {"name": name, **provenance, "rows": len(table)})


def _open(spec: SourceSpec, seed: int) -> tuple[Table, dict[str, Any]]:
    path = Path(spec.name)
    if spec.name in hub.BUILT_IN:
        return hub.open_hub(spec)
    if spec.name in generated.BUILT_IN:
        _refuse_hub_options(spec)
        return generated.open_generated(spec, seed)
    if spec.name.startswith(gym.PREFIX):
        _refuse_hub_options(spec)
        return gym.open_gym(spec, seed)
    if spec.name.startswith(stored.PREFIX):
        _refuse_hub_options(spec)
        return stored.open_stored(spec.name)
    if spec.name.startswith(_PATH_STARTS) or path.suffix in FORMATS or path.exists():
        _refuse_hub_options(spec)
        return open_local(path.expanduser())
    if HUB_ID.fullmatch(spec.name):
        return hub.open_hub(spec)
    hint = meant(spec.name.casefold(), BUILT_IN, cutoff=0.4)
    raise InputError(
        f"unknown source {spec.name!r}{hint} (built in: {', '.join(BUILT_IN)}, {gym.PREFIX}NAME; else a Hub dataset as "
        f"namespace/name, or a {', '.join(FORMATS)} file)"
    )


def _refuse_hub_options(spec: SourceSpec) -> None:
    options = {"--config": spec.config, "--split": spec.split, "--source-revision": spec.revision}
    if given := [option for option, value in options.items() if value is not None]:
        raise InputError(f"{spec.name} is not a Hub dataset: {', '.join(given)} does not apply to it")


@contextmanager
def _reading(spec: SourceSpec) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{spec.name} cannot be read: {error.strerror or error}") from None
