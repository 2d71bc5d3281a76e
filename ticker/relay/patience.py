"""Waits with a limit: for a task until a stop, for an answer until a timeout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from ticker.errors import StreamUnreachable
from ticker.records import Batch

_R = TypeVar("_R")


async def first_of(task: asyncio.Future[Any], stopping: asyncio.Event) -> None:
    """Wait until `task` is done or `stopping` is set."""
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()


async def next_batch(
    reading: AsyncIterator[Batch], stopping: asyncio.Event, *, follow: bool
) -> Batch | None:
    """Return the next batch; `None` at the end or, with `follow`, once `stopping` is set."""
    coming = asyncio.ensure_future(anext(reading, None))
    if not follow:
        return await coming
    try:
        await first_of(coming, stopping)
    finally:
        if not coming.done():
            coming.cancel()
            await asyncio.wait([coming])
    return None if coming.cancelled() else await coming


class Patience:
    """Waits for the answers of a destination, for at most `patience` seconds each.

    After every `silence` seconds without an answer, awaits `on_silence` with the URL.
    """

    def __init__(
        self, patience: float, silence: float, on_silence: Callable[[str], Awaitable[None]]
    ) -> None:
        self._patience = patience
        self._silence = silence
        self._on_silence = on_silence

    async def wait(self, url: str, answer: Coroutine[Any, Any, _R]) -> _R:
        """Return the `answer` of `url`. Raises `StreamUnreachable` if none comes in time."""
        telling = asyncio.create_task(self._tell(url))
        try:
            async with asyncio.timeout(self._patience):
                return await answer
        except TimeoutError:
            raise StreamUnreachable(url, f"no answer for {self._patience:.0f} s") from None
        finally:
            telling.cancel()

    async def _tell(self, url: str) -> None:
        while True:
            await asyncio.sleep(self._silence)
            await self._on_silence(url)
