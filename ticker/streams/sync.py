"""Asynchronous reading for synchronous callers: an event loop runs in a thread of its own.

It works even inside a running event loop, as in a notebook. The loop keeps running while the caller
works on an item. If it stood still, its deadlines would pass, and a healthy broker would look
silent. The loop ends after the last item, when the caller drops the items early, or with the
interpreter.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import AsyncGenerator, Generator
from typing import Generic, TypeVar

_T = TypeVar("_T")


def blocking(items: AsyncGenerator[_T, None]) -> Generator[_T, None, None]:
    """Yield `items`, one after another. Raises what they raise.

    Asks `items` for the next one only when the caller does.
    """
    loop = _Loop(items)
    try:
        while (item := loop.next()) is not None:
            yield item
    finally:
        loop.end()


class _Loop(Generic[_T]):
    """An event loop that runs in a thread, and the items that it yields."""

    def __init__(self, items: AsyncGenerator[_T, None]) -> None:
        self._items = items
        self._turn = asyncio.Lock()  # an interrupted `next` must end before the items are closed
        self._stop = asyncio.Event()
        # Without a factory, the runner would set this loop as the calling thread's own.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        # A daemon thread. At exit the interpreter waits for all other threads before it drops the
        # items still in use. So it would wait for ever for this thread if it were no daemon.
        self._thread = threading.Thread(target=self._run, name="ticker-columns", daemon=True)
        self._thread.start()
        atexit.register(self.end)

    def next(self) -> _T | None:
        """Return the next item; `None` at the end."""
        asked = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
        try:
            return asked.result()
        finally:
            asked.cancel()  # if the caller is interrupted

    def end(self) -> None:
        """Close the items, and wait until the thread has ended. A second call is harmless."""
        atexit.unregister(self.end)
        if self._thread.is_alive():
            try:
                self._loop.call_soon_threadsafe(self._stop.set)
            except RuntimeError:
                return  # closed just now
            # The garbage collector drops items in a reference cycle in any thread, even this one.
            if threading.current_thread() is not self._thread:
                self._thread.join()

    def _run(self) -> None:
        with self._runner:
            self._runner.run(self._live())

    async def _live(self) -> None:
        await self._stop.wait()
        async with self._turn:
            await self._items.aclose()

    async def _next(self) -> _T | None:
        async with self._turn:
            return await anext(self._items, None)
