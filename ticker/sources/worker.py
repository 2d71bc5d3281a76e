"""Runs blocking calls, one after another, in a daemon thread.

A call never blocks the event loop. Cancelling a call returns at once and abandons the thread. The
next call gets a new thread. A hanging thread does not keep the process alive, because it is a
daemon; threads of an executor are not. This module does not know what it calls.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """Runs calls in a daemon thread, which the first call starts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._jobs: SimpleQueue[Callable[[], None] | None] | None = None

    async def call(self, function: Callable[[], T]) -> T:
        """Return the result of `function`, or raise its error. Calls run in their order."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            settle: Callable[[Any], None]
            if future.cancelled():  # while it waited for the calls before it
                return
            try:
                outcome: Any = function()
                settle = future.set_result
            except BaseException as error:  # noqa: BLE001 - the caller gets it, whatever it is
                outcome, settle = error, future.set_exception
            _tell(loop, future, settle, outcome)

        if self._jobs is None:
            self._jobs = SimpleQueue()
            threading.Thread(target=_work, args=(self._jobs,), name=self.name, daemon=True).start()
        jobs = self._jobs
        jobs.put(job)
        try:
            return await future
        except asyncio.CancelledError:
            if self._jobs is jobs:
                self.abandon()
            raise

    def abandon(self) -> None:
        """Let the thread end after its present and waiting calls. The next call starts another."""
        if self._jobs is not None:
            self._jobs.put(None)
            self._jobs = None


def _work(jobs: SimpleQueue[Callable[[], None] | None]) -> None:
    while (job := jobs.get()) is not None:
        job()
        del job  # otherwise what the call used or raised stays alive until the next call


def _tell(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    settle: Callable[[Any], None],
    outcome: Any,
) -> None:
    def deliver() -> None:
        if not future.done():
            settle(outcome)

    try:
        loop.call_soon_threadsafe(deliver)
    except RuntimeError:
        return  # the loop is closed: no caller waits any more
