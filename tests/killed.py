"""What a kill leaves, at each step that a piece of code takes on the disk.

*killed, finished = each_kill(tmp_path, lambda folder: write(folder / "file"))
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path


def _killed_at(number: int, act: Callable[[], object]) -> bool:
    """Run `act` in a forked process that is killed before its n-th step on the disk; whether it got so far."""
    child = os.fork()
    if child == 0:
        left = [number]

        def watch(event: str, _: tuple) -> None:
            if event == "open" or event.startswith(("os.", "shutil.")):
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        try:
            act()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def each_kill(
    tmp_path: Path, act: Callable[[Path], object], before: Callable[[Path], object] = lambda _: None
) -> list[Path]:
    """Folders, one for each step at which `act(folder)` was killed, then one in which it was not.

    What `before` makes in them is there already.
    """
    folders = []
    killed = True
    while killed:
        folder = tmp_path / str(len(folders))
        folder.mkdir()
        before(folder)
        folders.append(folder)
        killed = _killed_at(len(folders), lambda folder=folder: act(folder))
    return folders
