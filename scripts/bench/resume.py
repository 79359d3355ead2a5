"""How long a build that was stopped late takes until it feeds its next row, by the number of its rows.

python -m scripts.bench.resume                          # 50,000, 100,000 and 200,000 rows: some two minutes
python -m scripts.bench.resume 860000 --requests 100000 # 3 GB of temporary files

Nine tenths of the rows have their outcome, of 15 candidates each. Of the journal's requests, which are read at a steady
rate, there are fewer than such a build would have: `--requests`, of 400 tokens each. Measured in one process, in the
order in which a resumed build does it: the check of the whole journal, which only the first session after a build's
first has to do; the check of what one session has added (a tenth of the requests); the first row that is fed; and all
that are fed.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from builder.building.left import unfinished
from builder.building.workspace import Workspace
from builder.engines.protocol import Completion
from builder.journal.journal import Journal
from builder.journal.salvage import salvage
from builder.machine import cli
from builder.method.alignment import Decision
from builder.method.outcome import Judged, Outcome, Texts
from builder.release.parquet import TableWriter
from builder.release.records import PREPARED, schema

FINISHED = 0.9  # share of rows
CANDIDATES, TOKENS = 15, 400  # a row; a candidate
_PORTION = 1_000  # rows or requests written at once
_KEY = "ab" * 32
_TEXT = "So $x = \\frac{1}{2}$, and that is all there is to it. " * 15


def write_rows(file: Path, rows: int) -> None:
    """Prepared rows, each with a problem and an expert solution of its own."""
    with TableWriter(file, schema(PREPARED)) as writer:
        for start in range(0, rows, _PORTION):
            writer.add(_row(number) for number in range(start, min(rows, start + _PORTION)))


def _row(number: int) -> dict[str, Any]:
    texts = {"problem": f"Problem {number}: {_TEXT[:300]}", "expert_solution": f"{_TEXT} That is {number}."}
    return {"row": number, "id": f"made-up-{number:07d}", "gold": "1", "verifiable": True, **texts}


def write_outcomes(journal: Journal, rows: int) -> None:
    """Outcomes of the first rows, with as many candidates as a build of the paper's."""
    judged = [Judged(index, _KEY, "correct", "boxed", None) for index in range(CANDIDATES)]
    texts = Texts(*[_KEY] * 3, None, *[_KEY] * 2)
    for start in range(0, rows, _PORTION):
        journal.put_outcomes(
            Outcome(
                number, f"made-up-{number:07d}", Decision("self_alignment", 0), texts, {"self": judged, "guided": []}
            )
            for number in range(start, min(rows, start + _PORTION))
        )


def write_requests(journal: Journal, first: int, last: int) -> None:
    """Answers of the engine."""
    answer = Completion(list(range(TOKENS)), [-0.5] * TOKENS, "stop")
    for start in range(first, last, _PORTION):
        journal.put((b"%032d" % number, answer) for number in range(start, min(last, start + _PORTION)))


def resumed(rows: int, requests: int) -> str:
    """What a resumed build does before its engine gets anything to do, as a line of the table."""
    with tempfile.TemporaryDirectory(prefix="resume-") as name:
        workspace, earlier = Workspace(Path(name)), requests - requests // 10
        write_rows(workspace.rows_file, rows)
        with Journal(workspace.journal_file) as journal:
            write_outcomes(journal, int(FINISHED * rows))
            write_requests(journal, 0, earlier)
        checked = _seconds(lambda: salvage(workspace.journal_file))
        gigabytes = workspace.journal_file.stat().st_size / 1e9
        with Journal(workspace.journal_file) as journal:
            write_requests(journal, earlier, requests)
        again = _seconds(lambda: salvage(workspace.journal_file))
        with Journal(workspace.journal_file) as journal:
            began = time.perf_counter()
            todo = unfinished(workspace.rows_file, journal.finished_rows())
            next(todo)
            first = time.perf_counter() - began
            fed = 1 + sum(1 for _ in todo)
            everything = time.perf_counter() - began
        assert fed == rows - int(FINISHED * rows), fed
        cells = f"{rows:,}", f"{rows - fed:,}", f"{gigabytes:.2f}", f"{checked:.1f}", f"{again:.2f}"
        return f"| {' | '.join(cells)} | {first:.2f} | {everything:.2f} |"


def _seconds(action: Callable[[], str | None]) -> float:
    began = time.perf_counter()
    assert action() is None
    return time.perf_counter() - began


def main() -> None:
    """Print a table."""
    parser = cli.parser("python -m scripts.bench.resume", __doc__)
    parser.add_argument("rows", type=int, nargs="*", default=[50_000, 100_000, 200_000], help="sizes")
    parser.add_argument("--requests", type=int, default=50_000, help="of each journal (default: %(default)s)")
    args = parser.parse_args()
    print(
        "| rows | finished | journal, GB | check of all, s | check of new, s | first row fed, s | last row, s |\n"
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    for rows in args.rows:
        print(resumed(rows, args.requests), flush=True)


if __name__ == "__main__":
    main()
