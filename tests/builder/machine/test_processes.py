import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.machine import processes

# A command with a child in its group that ignores SIGTERM, as a stuck engine worker does.
STUBBORN = """
import os, signal, sys, time
pid = os.fork()
if pid == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
open(sys.argv[1], "w").write(f"{os.getpid()} {pid}\\n")
time.sleep(600)
"""
PARENT = """
import sys, time
from pathlib import Path
from builder.machine import processes
processes.spawn([sys.executable, "-c", sys.argv[1], sys.argv[2]], Path(sys.argv[3]))
time.sleep(600)
"""


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def written_pids(file: Path) -> list[int]:
    assert eventually(lambda: file.exists() and file.read_text().endswith("\n"))
    return [int(word) for word in file.read_text().split()]


def spawn_python(code: str, log: Path, *arguments: str, **options) -> processes.Child:
    return processes.spawn([sys.executable, "-c", code, *arguments], log, **options)


def test_nothing_outlives_a_killed_parent(tmp_path):
    arguments = [STUBBORN, str(tmp_path / "pids"), str(tmp_path / "log")]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *arguments], cwd=Path(__file__).parents[3])
    pids = written_pids(tmp_path / "pids")
    assert all(map(running, pids))
    parent.kill()
    parent.wait()
    assert eventually(lambda: not any(map(running, pids)))


def test_stop_ends_a_group_that_ignores_sigterm_and_may_be_repeated(tmp_path):
    child = spawn_python(STUBBORN, tmp_path / "log", str(tmp_path / "pids"))
    pids = written_pids(tmp_path / "pids")
    assert child.poll() is None
    processes.stop(child, grace=0.3)
    assert eventually(lambda: not any(map(running, [*pids, child.pid])))
    processes.stop(child, grace=0.3)
    assert child.poll() is not None


def test_stop_cleans_up_after_a_killed_guard(tmp_path):
    child = spawn_python(STUBBORN, tmp_path / "log", str(tmp_path / "pids"))
    pids = written_pids(tmp_path / "pids")
    os.kill(child.pid, signal.SIGKILL)
    child.wait(30)
    processes.stop(child)
    assert eventually(lambda: not any(map(running, pids)))


def test_workers_that_a_command_leaves_behind_are_ended(tmp_path):
    code = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); sys.exit(3)"
    child = spawn_python(code, tmp_path / "log")
    assert child.wait(30) == 3
    assert eventually(lambda: not running(int((tmp_path / "log").read_text())))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise SystemExit(7)", 7),
        ("pass", 0),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
    ],
)
def test_exit_code_passes_through(tmp_path, code, expected):
    assert spawn_python(code, tmp_path / "log").wait(30) == expected


def test_a_command_that_cannot_start_says_so(tmp_path):
    child = processes.spawn([str(tmp_path / "no-such-program")], tmp_path / "log")
    assert child.wait(30) == 127
    assert processes.tail(tmp_path / "log", 1) == [
        f"cannot start {tmp_path / 'no-such-program'}: No such file or directory"
    ]
    processes.stop(child)


def test_log_is_appended_with_output_errors_and_the_given_environment(tmp_path):
    log = tmp_path / "log"
    log.write_text("earlier\n")
    code = "import os, sys; print(os.environ['COLOUR'], flush=True); print('bad', file=sys.stderr)"
    spawn_python(code, log, env={"COLOUR": "green"}).wait(30)
    assert log.read_text() == "earlier\ngreen\nbad\n"
    assert processes.tail(log, 10, start=len("earlier\n")) == ["green", "bad"]


def test_tail_gives_the_last_lines_with_secrets_masked(tmp_path, monkeypatch):
    monkeypatch.setenv("MTG_ENGINE_API_KEY", "correct horse")
    log = tmp_path / "log"
    log.write_text("\n".join([*map(str, range(50_000)), "token=hf_AbCdEfGhIjKl", "Bearer abc.def", "correct horse!"]))
    assert processes.tail(log, 4) == ["49999", "token=hf_***", "Bearer ***", "***!"]
    assert processes.tail(tmp_path / "missing", 4) == []
