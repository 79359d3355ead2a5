import asyncio

from builder.engines.budget import Budget
from builder.errors import EngineError


def test_no_more_than_the_total_is_in_flight_and_first_come_is_first_served():
    order, in_flight, highest = [], 0, 0

    async def use(budget: Budget, name: str, share: int) -> None:
        nonlocal in_flight, highest
        async with budget.hold(share):
            order.append(name)
            in_flight += share
            highest = max(highest, in_flight)
            await asyncio.sleep(0.001)
            in_flight -= share

    async def main() -> None:
        budget = Budget(4)
        # The large one waits for room; the small ones behind it would fit, but do not overtake it for ever.
        await asyncio.gather(*(use(budget, name, share) for name, share in [("a", 3), ("b", 4), ("c", 1), ("d", 3)]))

    asyncio.run(main())
    assert order == ["a", "b", "c", "d"]
    assert highest == 4


def test_a_request_larger_than_the_budget_still_runs_alone():
    async def main() -> list[str]:
        budget, order = Budget(2), []

        async def use(name: str, share: int) -> None:
            async with budget.hold(share):
                order.append(f"{name} in")
                await asyncio.sleep(0.001)
                order.append(f"{name} out")

        await asyncio.gather(use("large", 10), use("small", 1))
        return order

    assert asyncio.run(main()) == ["large in", "large out", "small in", "small out"]


def test_a_cancelled_or_failed_holder_gives_its_share_back():
    async def main() -> None:
        budget = Budget(1)

        async def hold_on() -> None:
            async with budget.hold(1):
                await asyncio.sleep(60)

        holder, waiter = asyncio.create_task(hold_on()), asyncio.create_task(hold_on())
        await asyncio.sleep(0.01)
        waiter.cancel()
        holder.cancel()
        await asyncio.gather(holder, waiter, return_exceptions=True)
        await asyncio.wait_for(use_once(budget), 30)

    async def use_once(budget: Budget) -> None:
        async with budget.hold(1):
            pass

    asyncio.run(main())


def test_a_closed_budget_gives_nothing_more_and_takes_nothing_back():
    async def use() -> list[str]:
        budget, release, log = Budget(2), asyncio.Event(), []

        async def hold(name: str) -> None:
            try:
                async with budget.hold(2):
                    log.append(name)
                    await release.wait()
                    log.append(f"{name} done")
            except EngineError as error:
                log.append(f"{name}: {error}")

        tasks = [asyncio.create_task(hold(name)) for name in "abc"]
        await asyncio.sleep(0)
        budget.close("interrupted")
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*tasks)
        return log

    assert asyncio.run(use()) == ["a", "b: interrupted", "c: interrupted", "a done"]
