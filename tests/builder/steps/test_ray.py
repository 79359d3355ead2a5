"""A build on a Ray cluster of two nodes, each with processes and an address of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from builder.errors import EngineError, InputError
from builder.steps import ray as ray_cluster
from scripts.standins.builds import answer, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine

ray = pytest.importorskip("ray", reason="needs the extra ray")

HEAD, OTHER = "127.0.0.1", "127.0.0.2"


@pytest.mark.parametrize("address", ["ray://host:10001", "host", "host:", ":6379", "host:ssh", "http://host:6379"])
def test_an_address_of_another_kind(address):
    with pytest.raises(InputError, match=rf"--ray {address}: expected HOST:PORT of the head node, or auto"):
        ray_cluster.check_cluster(address)


def test_nobody_answers_there():
    with socket.socket() as probe:
        probe.bind((HEAD, 0))
        address = f"{HEAD}:{probe.getsockname()[1]}"
        with pytest.raises(EngineError, match=f"no Ray cluster answers at {address}"):
            ray_cluster.check_cluster(address)


def test_ray_is_not_installed(monkeypatch):
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[ray\]'"):
        ray_cluster.check_cluster("auto")


@pytest.fixture(scope="module")
def cluster():
    """The address of a cluster: a head without CPUs for actors, and another node."""
    with socket.socket() as probe:
        probe.bind((HEAD, 0))
        address = f"{HEAD}:{probe.getsockname()[1]}"
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # sockets must have short names
    options = ("--object-store-memory=100000000", "--disable-usage-stats", "--block")
    head = ("--head", f"--node-ip-address={HEAD}", f"--port={address.partition(':')[2]}", "--num-cpus=0",
            "--include-dashboard=false", f"--temp-dir={folder}")  # fmt: skip
    other = (f"--address={address}", f"--node-ip-address={OTHER}", "--num-cpus=4")
    nodes = []
    try:
        for number, node in enumerate((head, other)):
            nodes.append(_start(folder / f"node-{number}.log", *node, *options))
        yield address
    finally:
        processes = [process for node in nodes for process in [*node.children(recursive=True), node]]
        for node in reversed(nodes):
            node.terminate()
        _, alive = psutil.wait_procs(processes, timeout=10)
        for process in alive:
            process.kill()


def _start(log: Path, *arguments: str) -> psutil.Popen:
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    with log.open("w") as output:
        node = psutil.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    deadline = time.monotonic() + 120
    while "block forever" not in log.read_text():
        assert node.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return node


@pytest.fixture
def driver(cluster):
    """This process on the cluster, after a build."""
    yield lambda: ray.init(cluster, log_to_driver=False)
    ray.shutdown()


@pytest.mark.slow
def test_steps_with_the_journal_stay_here_and_the_others_go_elsewhere(tmp_path, chat, cluster, driver, build):
    source = write_source(tmp_path / "s.jsonl", [problem(kind) for kind in ("solvable", "retellable", "hopeless")])
    with FakeEngine(chat, answer) as engine:
        build(source, tmp_path / "r", engine, "--ray", cluster)
    assert sorted(table(tmp_path / "r")["stage"]) == ["fallback", "guided_alignment", "self_alignment"]
    driver()
    from ray._private import state

    actors = {actor["Name"]: actor["Address"]["IPAddress"] for actor in state.actors().values()}
    placed = {
        step: actors[f"distilabel-mind-the-gap-{step}-0"] == OTHER
        for step in ("feed", "solve", "retell", "route", "score")
    }
    assert [step for step, elsewhere in placed.items() if elsewhere] == ["route"]


@pytest.mark.slow
def test_an_actor_that_died_is_told_from_one_that_is_done(driver):
    driver()

    @ray.remote
    class Actor:
        def pid(self) -> int:
            return os.getpid()

    done, dies = Actor.remote(), Actor.remote()
    _, pid = ray.get([done.pid.remote(), dies.pid.remote()])
    del done
    deadline = time.monotonic() + 60
    from ray._private import state

    while not state.actors(actor_state_name="DEAD", job_id=ray.JobID.from_hex(ray.get_runtime_context().get_job_id())):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not ray_cluster.actor_lost()
    os.kill(pid, signal.SIGKILL)
    while not ray_cluster.actor_lost():
        assert time.monotonic() < deadline
        time.sleep(0.1)
