from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable

import pytest

from tests.waiting import until
from ticker.sources.worker import Worker


def blocked_by(event: threading.Event) -> Callable[[], str]:
    def wait() -> str:
        assert event.wait(30)
        return "late"

    return wait


async def test_a_call_gives_back_what_the_function_gives() -> None:
    assert await Worker("test").call(lambda: 7) == 7


async def test_a_call_raises_what_the_function_raises() -> None:
    def fail() -> None:
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError, match="no"):
        await Worker("test").call(fail)


async def test_calls_run_in_order_in_one_other_thread() -> None:
    worker = Worker("test")
    threads = await asyncio.gather(*(worker.call(threading.get_ident) for _ in range(5)))
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_cancelling_returns_at_once_and_the_next_call_gets_a_fresh_thread() -> None:
    worker, started, release = Worker("test"), threading.Event(), threading.Event()

    def hang() -> None:
        started.set()
        assert release.wait(30)

    first = await worker.call(threading.get_ident)
    stuck = asyncio.create_task(worker.call(hang))
    await until(started.is_set)
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    async with asyncio.timeout(30):
        assert await worker.call(threading.get_ident) != first
    release.set()


async def test_a_call_that_is_cancelled_while_it_waits_never_runs() -> None:
    release, ran = threading.Event(), threading.Event()
    worker = Worker("test")
    first = asyncio.ensure_future(worker.call(blocked_by(release)))
    second = asyncio.ensure_future(worker.call(ran.set))
    await asyncio.sleep(0)
    second.cancel()
    third = asyncio.ensure_future(worker.call(lambda: "ran"))
    await asyncio.wait([second])
    release.set()
    assert await first == "late"
    assert await third == "ran"
    assert not ran.wait(0.05)


async def test_an_abandoned_thread_ends_after_the_call_under_way() -> None:
    worker = Worker("test")
    thread = await worker.call(threading.current_thread)
    worker.abandon()
    worker.abandon()
    thread.join(30)
    assert not thread.is_alive()


async def test_worker_threads_keep_no_process_alive() -> None:
    assert (await Worker("test").call(threading.current_thread)).daemon


def test_an_answer_for_a_loop_that_is_closed_is_dropped() -> None:
    worker, release = Worker("test"), threading.Event()

    async def leave() -> threading.Thread:
        thread = await worker.call(threading.current_thread)
        stuck = asyncio.create_task(worker.call(blocked_by(release)))
        await asyncio.sleep(0)
        stuck.cancel()
        return thread

    thread = asyncio.run(leave())
    release.set()
    thread.join(30)
    assert not thread.is_alive()


async def test_a_waiting_thread_releases_the_error_of_its_call() -> None:
    class Raised(Exception):
        pass

    def fail() -> None:
        error = Raised()
        seen.append(weakref.ref(error))
        raise error

    worker = Worker("test")
    seen: list[weakref.ref[Raised]] = []
    with pytest.raises(Raised):
        await worker.call(fail)
    async with asyncio.timeout(30):
        while seen[0]() is not None:
            gc.collect()
            await asyncio.sleep(0.01)
