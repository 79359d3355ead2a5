"""Every fault of the proxy: passing ones are survived, lasting ones end in one clear line."""

import asyncio
import time

import pytest

from builder.engines.http_engine import HttpEngine
from builder.engines.protocol import SamplingParams
from builder.errors import EngineError, UnansweredError
from scripts.standins.fake_engine import FakeEngine
from scripts.standins.fault_proxy import FAULTS, FaultProxy

WHOLE_SERVER = {"503", "429", "reset", "cut", "hang"}
REFUSED = {"400", "401"}


@pytest.fixture(scope="module")
def upstream(chat):
    with FakeEngine(chat, lambda prompt, drawn: f"Four, so \\boxed{{{drawn}}}.") as engine:
        yield engine


def exchange(proxy, chat, heartbeat=10.0):
    """Two samples and a score, through the proxy: one of each kind of request."""

    async def both():
        engine = HttpEngine([proxy.url], patience=0.05, attempts=3, heartbeat=heartbeat)
        params = SamplingParams(1.0, 1.0, 64, chat.stop_ids)
        try:
            drawn = await engine.generate(chat.plain_prompt("2 + 2"), params, 2, seed=0)
            scores = await engine.score(chat.plain_prompt("2 + 2"), drawn[0].token_ids)
            return drawn, scores.logprobs
        finally:
            await engine.close()

    return asyncio.run(asyncio.wait_for(both(), 60))


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - REFUSED - {"hang"}))
def test_a_fault_that_passes_leaves_no_trace(upstream, chat, fault):
    with FaultProxy(upstream.url, lambda number: fault if number % 2 == 0 else None) as proxy:
        drawn, scores = exchange(proxy, chat)
    assert [completion.finish_reason for completion in drawn] == ["stop", "stop"]
    assert all(completion.logprobs == [-0.5] * len(completion.token_ids) for completion in drawn)
    assert scores == [-1.0] * len(drawn[0].token_ids)
    assert proxy.requests == 4


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_is_one_clear_line(upstream, chat, fault):
    with FaultProxy(upstream.url, lambda number: fault) as proxy, pytest.raises(EngineError) as raised:
        exchange(proxy, chat, heartbeat=0.1)
    text = str(raised.value)
    assert text.startswith(f"engine at {proxy.url} ")
    assert "\n" not in text
    # A fault of the server concerns every row; a refused or nonsensical answer only the row at hand.
    assert isinstance(raised.value, UnansweredError) == (fault not in WHOLE_SERVER | {"401"})
    assert ("after 3 attempts" in text) == (fault not in REFUSED)


def test_a_server_that_hangs_is_noticed_and_used_again_when_it_is_back(upstream, chat):
    with FaultProxy(upstream.url, lambda number: "hang" if number == 0 else None) as proxy:

        async def recover(endpoint):
            while not endpoint.failures:
                await asyncio.sleep(0.01)
            proxy.hanging = False

        async def both():
            engine = HttpEngine([proxy.url], patience=20.0, attempts=7, heartbeat=0.1)
            params = SamplingParams(1.0, 1.0, 64, chat.stop_ids)
            try:
                drawn, _ = await asyncio.gather(
                    engine.generate(chat.plain_prompt("2 + 2"), params, 1, seed=0), recover(engine._endpoints[0])
                )
                return drawn
            finally:
                await engine.close()

        assert len(asyncio.run(asyncio.wait_for(both(), 60))) == 1
    assert proxy.requests >= 2


def test_a_server_that_is_slow_but_there_is_waited_for(upstream, chat, monkeypatch):
    with FaultProxy(upstream.url) as proxy:
        beats = []
        forward = proxy.forward

        def counted(method, path, body=None):
            beats.extend([path] if path == "/health" else [])
            return forward(method, path, body)

        def answers_late(_):
            while len(beats) < 5:  # the server would be lost after three that were missed
                time.sleep(0.01)

        monkeypatch.setattr(proxy, "forward", counted)
        monkeypatch.setattr(upstream, "before", answers_late)
        drawn, _ = exchange(proxy, chat, heartbeat=0.3)
        assert proxy.requests == 2
    assert len(drawn) == 2
