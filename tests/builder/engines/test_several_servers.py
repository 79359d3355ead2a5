"""Several servers behind one client: shared by load, and one of them may die, hang or come back."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from aiohttp import web

from builder.engines.http_engine import HttpEngine
from builder.engines.protocol import SamplingParams

PARAMS = SamplingParams(temperature=1.0, top_p=1.0, max_tokens=4, stop_token_ids=(2,))
CHOICE = {"finish_reason": "stop", "token_ids": [7, 2], "logprobs": {"token_logprobs": [-0.5, -0.25]}}


class Server:
    """Answers as soon as it is free to; can die under its requests, and come back under the same address."""

    def __init__(self, free: Callable[[], bool] = lambda: True) -> None:
        self.free, self.port = free, 0
        self.asked = self.answered = self.in_flight = self.most = 0

    async def start(self) -> "Server":
        app = web.Application()
        app.router.add_post("/v1/completions", self._answer)
        app.router.add_get("/health", self._health)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def die(self) -> None:
        """Cut every connection, and refuse new ones."""
        for connection in self._runner.server.connections:
            connection.transport.abort()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        n = (await request.json())["n"]
        self.asked += 1
        self.in_flight += n
        self.most = max(self.most, self.in_flight)
        try:
            while not self.free():
                await asyncio.sleep(0.001)
        finally:
            self.in_flight -= n
        self.answered += 1
        return web.json_response({"choices": [{"index": index, **CHOICE} for index in range(n)]})

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response()


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 60))


@contextlib.asynccontextmanager
async def engine_of(*servers: Server, **options: Any):
    engine = HttpEngine([server.url for server in servers], **{"patience": 5.0, **options})
    try:
        yield engine
    finally:
        await engine.close()


def test_a_slower_server_gets_as_many_sequences_at_once_and_so_fewer_in_all():
    async def use() -> None:
        fast = await Server().start()
        slow = await Server(free=lambda: fast.answered >= 70).start()
        async with engine_of(fast, slow, concurrency=8) as engine:
            await asyncio.gather(*(engine.generate([5], PARAMS, 1, seed) for seed in range(80)))
        assert fast.asked + slow.asked == 80
        assert 0 < slow.asked <= 10
        assert fast.most <= 6
        assert slow.most <= 6

    run(use())


def test_load_is_counted_in_sequences_not_requests():
    async def use() -> None:
        one, two = [await Server(free=lambda: one.asked + two.asked == 10).start() for _ in range(2)]
        async with engine_of(one, two) as engine:
            large = asyncio.create_task(engine.generate([5], PARAMS, 10, 0))
            while not one.asked + two.asked:
                await asyncio.sleep(0.001)
            await asyncio.gather(*(engine.generate([6], PARAMS, 1, seed) for seed in range(9)), large)
        assert sorted([one.asked, two.asked]) == [1, 9]

    run(use())


def test_what_a_dying_server_was_asked_is_answered_by_another():
    async def use() -> None:
        dies, lives = await Server(free=lambda: False).start(), await Server().start()
        async with engine_of(dies, lives) as engine:
            asked = [asyncio.create_task(engine.generate([5], PARAMS, 2, seed)) for seed in range(20)]
            while dies.in_flight < 10:
                await asyncio.sleep(0.005)
            await dies.die()
            answers = await asyncio.gather(*asked)
            assert [len(answer) for answer in answers] == [2] * 20
            assert lives.asked >= 15
            before = lives.asked
            await asyncio.gather(*(engine.generate([5], PARAMS, 1, seed) for seed in range(10)))
            assert lives.asked == before + 10

    run(use())


def test_a_server_that_came_back_is_used_again():
    async def use() -> None:
        leaves, stays = await Server().start(), await Server().start()
        async with engine_of(leaves, stays, patience=0.5) as engine:
            await leaves.die()
            await asyncio.gather(*(engine.generate([5], PARAMS, 1, seed) for seed in range(10)))
            assert leaves.asked == 0
            await leaves.start()
            while not leaves.asked:
                await asyncio.gather(*(engine.generate([5], PARAMS, 1, seed) for seed in range(10)))

    run(use())
