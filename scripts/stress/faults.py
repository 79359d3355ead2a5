"""Inject every engine fault into a real build and print what its user sees: the table of docs/measured/reliability.md.

python -m scripts.stress.faults

The engine is a stand-in that answers at once, behind a proxy that spoils everything from the twelfth request on. After
the build has stopped, the proxy is mended and the same command runs again.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from builder.config import load_target
from builder.machine import cli
from builder.policy.chat import Chat
from builder.policy.models import resolve_model
from scripts.standins.builds import answer, command, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine
from scripts.standins.fault_proxy import FAULTS, FaultProxy

_HEALTHY = 12  # requests before the fault
_ROWS = 18
_FRAME = re.compile(
    r"18 of 18 rows are unfinished \(row \S+: engine at URL (.*)\); "
    r"everything finished is kept, the same command continues(.*)"
)  # what every message says; the table shows what stands in it


def main() -> int:
    """Print one line a fault; returns 1 if one of them was not survived."""
    parser = cli.parser("python -m scripts.stress.faults", __doc__)
    parser.add_argument("faults", nargs="*", default=FAULTS, help=f"which ones (all: {' '.join(FAULTS)})")
    target = load_target("smollm2-135m-instruct")
    chat = Chat(resolve_model(target).path, target)
    print("| fault | what the user sees | answers paid twice |")
    print("| --- | --- | --: |")
    survived = [_row(fault, chat) for fault in parser.parse_args().faults]
    return 0 if all(survived) else 1


def _row(fault: str, chat: Chat) -> bool:
    with tempfile.TemporaryDirectory(prefix="faults-") as name, FakeEngine(chat, answer) as engine:
        folder = Path(name)
        kinds = ("solvable", "retellable", "hopeless")
        source = write_source(folder / "problems.jsonl", [problem(kinds[n % 3], n) for n in range(_ROWS)])
        with FaultProxy(engine.url, lambda number: fault if number >= _HEALTHY else None) as proxy:
            arguments = [*command(source, folder / "r", proxy), "--engine-patience", "2"]
            broken = subprocess.run(arguments, capture_output=True, text=True, check=False)
            proxy.plan, proxy.hanging = (lambda number: None), False
            mended = subprocess.run(arguments, capture_output=True, text=True, check=False)
        finished = mended.returncode == 0 and len(table(folder / "r")) == _ROWS
        paid = engine.sampled.total() - len(table(folder / "r", "candidates")) if finished else 0
    said = broken.stderr.rpartition("error: ")[2].strip().replace(proxy.url, "URL").replace("|", r"\|")
    framed = _FRAME.fullmatch(said)
    survived = finished and broken.returncode == 3 and "\n" not in said
    wrong = "" if survived else f" (NOT SURVIVED: exit {broken.returncode}, then {mended.returncode})"
    print(f"| {fault} | {framed[1] + framed[2] if framed else said}{wrong} | {paid} |", flush=True)
    return survived


if __name__ == "__main__":
    sys.exit(main())
