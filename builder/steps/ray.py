"""The pipeline on a Ray cluster: steps that need no journal run anywhere, the others where the build was started.

The journal is an SQLite file in write-ahead mode. All processes that have it open share memory, and must therefore be
on one machine, whatever the file system can do; the supervisor is one of them. So the steps that ask the engine stay
beside it: they wait for answers and need little of a machine. What scales is elsewhere: the engine's servers
(`--engine-url`, or a target's `parallel`).
"""

import importlib.util
import os
import socket
from typing import TYPE_CHECKING

from builder.errors import EngineError, InputError
from builder.machine.extras import install

if TYPE_CHECKING:
    from distilabel.pipeline.base import BasePipeline

_CONNECT_SECONDS = 10.0
_PASSED_ON = ("DISTILABEL_LOG_LEVEL", "TOKENIZERS_PARALLELISM")  # variables that `builder.pipeline` sets; no secret


def check_cluster(address: str) -> None:
    """Check that there is a Ray cluster at `HOST:PORT`, or leave that to Ray if the address is `auto`.

    Raises:
        InputError: Ray is not installed, or the address is of another kind.
        EngineError: nobody answers there.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError(f"--ray needs Ray on every node: {install('ray')}")
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise InputError(f"--ray {address}: expected HOST:PORT of the head node, or auto; the build runs on a node")
    try:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise EngineError(f"no Ray cluster answers at {address}: {error}") from None


def on_cluster(pipeline: "BasePipeline", address: str) -> "BasePipeline":
    """The same steps on the cluster at `address`: those that open the journal on this node, the others anywhere."""
    import ray
    from distilabel.constants import STEP_ATTR_NAME
    from distilabel.pipeline.ray import RayPipeline
    from distilabel.steps.base import StepResources

    from builder.steps.engine_step import EngineStep
    from builder.steps.feed import Feed
    from builder.steps.lean import Lean

    class LeanRayPipeline(Lean, RayPipeline):
        """An actor for each step."""

    ray.init(address, runtime_env={"env_vars": {name: os.environ[name] for name in _PASSED_ON}})
    here = f"node:{ray.util.get_node_ip_address()}"  # a resource that Ray gives each node, of amount 1
    for name in pipeline.dag:
        step = pipeline.dag.get_step(name)[STEP_ATTR_NAME]
        if isinstance(step, EngineStep | Feed):
            # Unchecked: distilabel's type wants whole numbers, Ray does not.
            step.resources = StepResources.model_construct(cpus=0, resources={here: 0.001})
    spread = LeanRayPipeline(name=pipeline.name, cache_dir=pipeline._cache_dir)
    spread.dag = pipeline.dag
    return spread


def actor_lost() -> bool:
    """Whether an actor of ours died otherwise than because its work was done."""
    import ray
    from ray._private import state
    from ray.core.generated.common_pb2 import ActorDiedErrorContext

    at_the_end = (ActorDiedErrorContext.OUT_OF_SCOPE, ActorDiedErrorContext.REF_DELETED)
    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())
    dead = state.actors(job_id=job, actor_state_name="DEAD").values()
    return any(actor["DeathCause"].actor_died_error_context.reason not in at_the_end for actor in dead)
