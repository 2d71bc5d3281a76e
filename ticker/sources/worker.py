"""Runs blocking calls, one after another, in a daemon thread.

A call never blocks the event loop. Cancelling a call returns at once and abandons the thread. The
next call gets a new thread. A hanging thread does not keep the process alive, because it is a
daemon; threads of an executor are not. This module does not know what it calls.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Worker:
    """Runs calls in a daemon thread, which the first call starts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._jobs: SimpleQueue[Callable[[], None] | None] | None = None

    async def call(self, function: Callable[[], T]) -> T:
        """Return the result of `function`, or raise its error. Calls run in their order."""
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():  # cancelled while it waited
                return
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - the caller gets it, whatever it is
                future.set_exception(error)

        if self._jobs is None:
            self._jobs = SimpleQueue()
            threading.Thread(target=_work, args=(self._jobs,), name=self.name, daemon=True).start()
        jobs = self._jobs
        jobs.put(job)
        try:
            return await asyncio.wrap_future(future)
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
