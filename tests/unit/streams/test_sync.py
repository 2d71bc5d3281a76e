import asyncio
import gc
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator

import pytest

from ticker.streams.sync import blocking

PROGRAM = """
import asyncio
import time
from ticker.streams.sync import blocking

async def items():
    try:
        while True:
            yield 1
            await asyncio.sleep(0)
    finally:
        print("closed")

held = blocking(items())
print(next(held))
"""


async def three() -> AsyncGenerator[int, None]:
    for n in range(1, 4):
        await asyncio.sleep(0)
        yield n


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ticker-columns"]


def test_items_come_in_order_and_the_thread_ends_after_the_last() -> None:
    items = blocking(three())
    assert next(items) == 1
    assert len(threads()) == 1
    assert list(items) == [2, 3]
    assert threads() == []


def test_a_slow_caller_makes_no_deadline_pass() -> None:
    async def items() -> AsyncGenerator[str, None]:
        async def answer() -> None:
            async with asyncio.timeout(0.3):
                await asyncio.sleep(0.01)

        asked = asyncio.create_task(answer())
        yield "a long work"
        await asked
        yield "after it"

    found: list[str] = []
    for item in blocking(items()):
        if not found:
            time.sleep(0.5)
        found.append(item)
    assert found == ["a long work", "after it"]


async def test_synchronous_reading_works_inside_a_running_event_loop() -> None:
    assert list(blocking(three())) == [1, 2, 3]


async def test_a_thread_keeps_its_event_loop() -> None:
    def work() -> bool:
        asyncio.set_event_loop(loop)
        list(blocking(three()))
        return asyncio.get_event_loop() is loop

    loop = asyncio.new_event_loop()
    try:
        assert await asyncio.to_thread(work)
    finally:
        loop.close()


def test_an_error_is_raised_to_the_caller_and_the_thread_ends() -> None:
    async def items() -> AsyncGenerator[int, None]:
        yield 1
        raise KeyError("unforeseen")

    found = blocking(items())
    assert next(found) == 1
    with pytest.raises(KeyError):
        next(found)
    assert threads() == []


def test_items_dropped_halfway_are_closed() -> None:
    closed: list[str] = []

    async def items() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0.01)
            closed.append(threading.current_thread().name)

    for _ in blocking(items()):
        break
    assert closed == ["ticker-columns"]
    assert threads() == []


def test_items_dropped_in_their_own_thread_do_not_deadlock() -> None:
    closed = threading.Event()

    async def items() -> AsyncGenerator[int, None]:
        async def sweep() -> None:
            while True:
                gc.collect()
                await asyncio.sleep(0)

        sweeping = asyncio.create_task(sweep())
        try:
            yield 1
        finally:
            sweeping.cancel()
            closed.set()

    found = blocking(items())
    assert next(found) == 1
    circle: list[object] = [found]
    circle.append(circle)
    del found, circle
    assert closed.wait(30)
    for thread in threads():
        thread.join(30)
    assert threads() == []


def test_the_interpreter_exits_even_while_items_are_held() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\nclosed\n", "")
