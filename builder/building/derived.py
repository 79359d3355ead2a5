"""A release that is made of finished ones: checked, written whole or not at all, and made once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.building.workspace import Workspace
from builder.errors import InputError
from builder.release.manifest import read_manifest
from builder.release.open import Release, check_files

if TYPE_CHECKING:
    from rich.console import Console

Manifest = dict[str, Any]


def derived(
    output: Path,
    releases: Sequence[Release],
    write: Callable[[Path], Manifest],
    same: Callable[[Manifest], bool],
    console: "Console",
    *,
    fresh: bool,
) -> Manifest:
    """Make a release of others, unless that was done before; returns its manifest.

    Args:
        output: where it appears.
        releases: what it is made of.
        write: fills its directory, and returns its manifest.
        same: whether the release at `output` is the one that would be made.
        console: to say what is done.
        fresh: replace a release that is there.

    Raises:
        InputError: something else is at `output`, or one of the releases is not what its manifest says.
    """
    if any(output.exists() and release.path.samefile(output) for release in releases):
        raise InputError(f"{output} is one of the releases to make it of; choose another --output")
    workspace = Workspace.of(output)
    workspace.settle(output)
    manifest = read_manifest(output)
    if manifest and not fresh:
        if not same(manifest):
            raise InputError(f"{output} is a release of something else; choose another --output, or give --fresh")
        console.print(f"{output} is finished already; nothing to do (--fresh starts over)", highlight=False)
        return manifest
    with workspace.locked(fresh=False):
        for release in releases:
            console.print(f"checking {release.name}", highlight=False, soft_wrap=True)
            check_files(release)
        with workspace.replacement(output).filled() as scratch:
            return write(scratch)
