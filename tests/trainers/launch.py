"""Starting two processes on this machine, as a user would."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def quiet_environment() -> dict[str, str]:
    """One thread a process, no GPU, and this checkout's code."""
    return os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}


def torchrun(*program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in two processes that find each other over loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launch = f"-m torch.distributed.run --nproc-per-node 2 --master-addr 127.0.0.1 --master-port {port}".split()
    return subprocess.run(
        [sys.executable, *launch, *program], env=quiet_environment(), capture_output=True, text=True, check=False
    )
