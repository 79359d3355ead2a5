"""The pipeline's process, seen from the supervisor: warmed up early, let go when there is something to do."""

import sys
from pathlib import Path
from typing import Self

from builder.building.workspace import Workspace
from builder.machine import processes


class Flow:
    """`python -m builder.pipeline`, which imports for seconds and then waits for its leave to begin.

    Args:
        workspace: the build's working directory.
        model_dir: the target's tokenizer.
    """

    def __init__(self, workspace: Workspace, model_dir: Path) -> None:
        self._files, self._model_dir = workspace, model_dir
        self._warm: processes.Child | None = None

    def warm_up(self) -> None:
        """Start it, unless one waits already; everything else may go on meanwhile."""
        if self._warm is None or self._warm.poll() is not None:
            self._files.go_file.unlink(missing_ok=True)
            command = [sys.executable, "-m", "builder.pipeline", str(self._files.root), str(self._model_dir)]
            self._warm = processes.spawn(command, self._files.pipeline_log, {"COLUMNS": "200"})

    def go(self) -> processes.Child:
        """Let it begin, once everything that it needs is in the workspace; from now on it is the caller's to stop."""
        self.warm_up()
        self._files.go_file.touch()
        begun, self._warm = self._warm, None
        return begun

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End one that still waits."""
        if self._warm is not None:
            processes.stop(self._warm)
            self._warm = None
