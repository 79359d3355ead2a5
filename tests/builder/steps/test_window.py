import asyncio
import threading
import time

import pytest

from builder.steps.window import Window


@pytest.fixture
def opened():
    """Names of the gates that are open: `work` on a name waits for its gate."""
    return set()


@pytest.fixture
def window(opened):
    async def work(name):
        while name not in opened:
            await asyncio.sleep(0.001)

    window = Window(work, 2)
    yield window
    window.close()


def taken(window, count):
    found = []
    while len(found) < count:
        found += window.take()
        time.sleep(0.001)
    return found


def test_items_come_out_as_they_are_finished(window, opened):
    window.add("slow")
    window.add("quick")
    assert window.take() == []
    opened.add("quick")
    assert taken(window, 1) == ["quick"]
    opened.add("slow")
    assert taken(window, 1) == ["slow"]
    assert window.take() == []


def test_no_more_than_the_limit_are_at_work(window, opened):
    window.add("a")
    window.add("b")
    third = threading.Thread(target=window.add, args=("c",))
    third.start()
    third.join(0.1)
    assert third.is_alive()
    opened.add("b")
    third.join(10)
    assert not third.is_alive()
    assert taken(window, 1) == ["b"]


def test_an_item_whose_work_raises_still_comes_out():
    async def work(item):
        raise RuntimeError

    window = Window(work, 1)
    window.add(1)
    window.add(2)
    assert taken(window, 2) == [1, 2]
    window.close()


def test_what_is_run_besides_is_run_in_the_same_thread(window):
    async def thread():
        return threading.get_ident()

    assert window.run(thread()) == window.run(thread()) != threading.get_ident()
