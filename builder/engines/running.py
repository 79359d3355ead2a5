"""An engine to ask, whether we start it or attach to one that runs: how it is started, checked and reached."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from builder.config import Target
from builder.engines.http_engine import EngineInfo, HttpEngine
from builder.engines.servers import EngineName, EngineServer, gpu_memory_gib, transformers_server, vllm_server
from builder.errors import EngineError


def server_for(engine: EngineName, model_dir: Path, target: Target, log: Path) -> EngineServer:
    """The server of our own that runs a target; not started yet."""
    start = vllm_server if engine == "vllm" else transformers_server
    return start(model_dir, target, log)


def checked(urls: Sequence[str], model: str, target: Target) -> EngineInfo:
    """Ask the servers what they serve, and whether they hold the target's context.

    Raises:
        EngineError: one cannot be reached, does not serve `model`, or is too small.
    """
    info = asyncio.run(_check(urls, model))
    if info.max_model_len is not None and info.max_model_len < target.context_length:
        raise EngineError(
            f"the engine at {' '.join(urls)} holds {info.max_model_len} tokens, but target {target.name} "
            f"needs context_length {target.context_length}"
        )
    return info


def takes_seeds(engine: EngineName, attached: bool) -> bool:
    """Whether each request may carry its seed: the CPU build of vLLM dies of one, and a server that we attach to
    may be one."""
    return not attached and (engine == "transformers" or gpu_memory_gib() > 0)


async def _check(urls: Sequence[str], model: str) -> EngineInfo:
    engine = HttpEngine(urls, model=model)
    try:
        return await engine.check()
    finally:
        await engine.close()
