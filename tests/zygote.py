"""Command lines in fresh processes without paying for the imports each time: one process imports, and forks for each.

with Zygote(os.environ | hub.environment(home, TOKEN), PUBLISHING) as zygote:
    done = zygote.run("builder.publish", str(release), "--repo", "me/d", "--version", "1.0.0")
    assert done.returncode == 0, done.stderr

The forked process is a real one: it can be killed, and what it has not sent or written by then is gone.
"""

import importlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

# What builds and their pipelines import, sooner or later.
BUILDING = (
    "aiohttp",
    "builder.building.supervisor",
    "builder.pipeline",
    "builder.steps.feed",
    "builder.steps.generate",
    "builder.steps.lean",
    "builder.steps.ray",
    "builder.steps.route",
    "builder.steps.score",
    "builder.steps.watch",
    "pandas",
    "rich.console",
    "transformers.tokenization_utils_tokenizers",
)
# What publishing and loading import.
PUBLISHING = (
    "builder.publishing.publication",
    "datasets.load",
    "fsspec.implementations.http",
    "huggingface_hub.hf_api",
    "jinja2",
    "pyarrow.dataset",
    "rich.console",
    "scipy.io",
)


@dataclass(frozen=True)
class Done:
    """How a command ended; a negative code is the signal that killed it."""

    returncode: int
    stdout: str
    stderr: str


class Zygote:
    """Runs modules that have a `main(arguments)`, each in a forked process.

    Args:
        environment: of all of them.
        imported: modules to import once.
        patience: seconds of the first wait between attempts on the Hub.
    """

    def __init__(self, environment: Mapping[str, str], imported: Sequence[str], patience: float = 0.02) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.zygote", str(patience), *imported],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def __enter__(self) -> "Zygote":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait()

    def run(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        started: Callable[[int], None] = lambda pid: None,
    ) -> Done:
        """Run `python -m module arguments`; `started` is told the process id before anything happens.

        Only what is not read at import can be changed by an `environment` of its own.
        """
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            self._tell([module, list(arguments), str(out), str(err), dict(environment or {})])
            started(int(self._process.stdout.readline()))
            self._tell("go")
            code = int(self._process.stdout.readline())
            return Done(code, out.read_text(), err.read_text())

    def _tell(self, message: object) -> None:
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()


def _serve() -> None:
    from builder.publishing import retry

    for name in sys.argv[2:]:
        importlib.import_module(name)
    retry.BASE_SECONDS = float(sys.argv[1])
    for line in sys.stdin:
        module, arguments, out, err, environment = json.loads(line)
        wait, go = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.read(wait, 1)
            os.environ.update(environment)
            for stream, file in ((1, out), (2, err)):
                os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY), stream)
            os._exit(_run(module, arguments))
        print(pid, flush=True)
        sys.stdin.readline()
        os.write(go, b"g")
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(wait)
        os.close(go)
        print(code, flush=True)


class _Forked:
    """A pipeline that was forked, as `processes.Child`; no guard ends it when the build is killed."""

    def __init__(self, command: list[str], log: Path, env: dict[str, str]) -> None:
        self._process = multiprocessing.get_context("fork").Process(target=_pipeline, args=(command, log, env))
        self._process.start()
        self.pid = self.group = self._process.pid

    def poll(self) -> int | None:
        code = self._process.exitcode
        return code if code is None or code >= 0 else 128 - code

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired("pipeline", timeout)
        return code

    def terminate(self) -> None:
        os.killpg(self.group, signal.SIGTERM)


def _pipeline(command: list[str], log: Path, env: dict[str, str]) -> None:
    from builder import pipeline

    os.setsid()
    os.environ.update(env)
    with log.open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    sys.argv = command[2:]
    pipeline.main()


def _fork_the_pipeline() -> None:
    """Fork the first pipeline of a build, which starts before there are threads or journals; spawn later ones."""
    from builder.building import flow

    def forked(command: list[str], log: Path, env: dict[str, str]) -> _Forked:
        flow.processes = processes
        return _Forked(command, log, env)

    processes = flow.processes
    flow.processes = SimpleNamespace(spawn=forked, stop=processes.stop)


def _run(module: str, arguments: list[str]) -> int:
    from builder.machine import cli

    if module == "builder.build":
        _fork_the_pipeline()
    try:
        cli.run(lambda: importlib.import_module(module).main(arguments))
    except SystemExit as done:
        return done.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    _serve()
