"""How time, memory and files grow with the number of rows: made-up builds of several sizes, each stage in its process.

python -m scripts.bench.growth                         # 10,000, 20,000 and 50,000 rows
python -m scripts.bench.growth 50000 200000            # up to 17 GB of temporary files

Measured are the stages whose work is ours alone: preparing the source, and writing the release with its statistics and
plots. The journal is filled through the same code as in a build, with made-up answers (`standins.synthetic_build`). A
straight line through all sizes gives what 860,000 rows would take. Memory is only to be compared from 10,000 rows on:
until then the first row group of the release is not full.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from builder.building.workspace import Workspace
from builder.journal.journal import Journal
from builder.machine import cli
from scripts.bench.measured import Usage, measure

TARGET_ROWS = 860_000
STAGES = ("prepare", "journal", "release")


@dataclass(frozen=True)
class Size:
    """A build of so many rows.

    Attributes:
        rows: of the source.
        candidates: drawn, both phases.
        usage: by stage.
        journal_bytes: of the journal, outcomes and scored texts included.
        release_bytes: of all files of the release.
    """

    rows: int
    candidates: int
    usage: dict[str, Usage]
    journal_bytes: int
    release_bytes: int


def run(rows: int) -> Size:
    """Build once, stage by stage, in a directory that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="growth-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "scripts.standins.synthetic_build"]
        measure([*command, "source", name, str(rows)])
        usage = {stage: measure([*command, stage, name]) for stage in STAGES}
        workspace = Workspace.of(folder / "release")
        with Journal(workspace.journal_file) as journal:
            candidates = journal.progress().candidates
        return Size(rows, candidates, usage, _bytes(workspace.journal_file), _bytes(folder / "release"))


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())


def fitted(rows: Sequence[int], values: Sequence[float]) -> tuple[float, float]:
    """Least-squares line through the values: what `TARGET_ROWS` gives, and r², 1 for a straight line."""
    slope, start = np.polyfit(rows, values, 1)
    spread = np.square(np.asarray(values) - np.mean(values)).sum()
    rest = np.square(np.asarray(values) - (start + slope * np.asarray(rows))).sum()
    return start + slope * TARGET_ROWS, 1 - rest / spread if spread else 1.0


def table(sizes: Sequence[Size]) -> str:
    """Every measurement, and the line through those of each stage, in Markdown."""
    lines = [
        "| stage | rows | seconds | CPU seconds | rows/s | CPU ms a candidate | process, MB | all processes, MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for stage in STAGES:
        for size in sizes:
            used = size.usage[stage]
            lines.append(
                f"| {stage} | {size.rows:,} | {used.seconds:,.1f} | {used.cpu_seconds:,.1f} "
                f"| {size.rows / used.seconds:,.0f} | {1000 * used.cpu_seconds / size.candidates:.3f} "
                f"| {used.own_bytes / 1e6:,.0f} | {used.tree_bytes / 1e6:,.0f} |"
            )
        if len(sizes) > 1:
            lines.append(_extrapolated(stage, sizes))
    return "\n".join(lines)


def _extrapolated(stage: str, sizes: Sequence[Size]) -> str:
    rows, used = [size.rows for size in sizes], [size.usage[stage] for size in sizes]
    seconds, straight = fitted(rows, [u.seconds for u in used])
    cpu, _ = fitted(rows, [u.cpu_seconds for u in used])
    own, _ = fitted(rows, [u.own_bytes / 1e6 for u in used])
    tree, _ = fitted(rows, [u.tree_bytes / 1e6 for u in used])
    return (
        f"| {stage} | *{TARGET_ROWS:,}* | *{seconds:,.0f}* (r² {straight:.4f}) | *{cpu:,.0f}* | | "
        f"| *{own:,.0f}* | *{tree:,.0f}* |"
    )


def files(sizes: Sequence[Size]) -> str:
    """Bytes a candidate of journal and release, in Markdown."""
    lines = [
        "| rows | candidates | journal, bytes a candidate | release, bytes a candidate |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for s in sizes:
        journal, release = s.journal_bytes / s.candidates, s.release_bytes / s.candidates
        lines.append(f"| {s.rows:,} | {s.candidates:,} | {journal:,.0f} | {release:,.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Print both tables."""
    parser = cli.parser("python -m scripts.bench.growth", __doc__)
    parser.add_argument("rows", type=int, nargs="*", default=[10_000, 20_000, 50_000], help="sizes, ascending")
    sizes = []
    for rows in parser.parse_args().rows:
        sizes.append(run(rows))
        print(f"{rows:,} rows done", file=sys.stderr, flush=True)
    print(f"{table(sizes)}\n\n{files(sizes)}")


if __name__ == "__main__":
    main()
