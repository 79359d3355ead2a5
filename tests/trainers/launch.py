"""Starting two processes on this machine, as a user would."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def quiet_environment() -> dict[str, str]:
    """One thread a process, no GPU, and this checkout's code."""
    return os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}


def torchrun(*program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in two processes that find each other over loopback."""
    # A port that somebody looked for might be taken before it is used: the rendezvous takes one and keeps it.
    launch = "-m torch.distributed.run --nproc-per-node 2 --standalone --local-addr 127.0.0.1".split()
    return subprocess.run(
        [sys.executable, *launch, *program], env=quiet_environment(), capture_output=True, text=True, check=False
    )
