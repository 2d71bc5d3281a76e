"""Sends one request to a source, and calls back while there is no answer yet.

There is one request at a time: while an abandoned request runs, the next one fails. No wait is
longer than the patience. This module does not know what the answer is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ticker.errors import SourceError, SourceUnreachable
from ticker.sources.protocol import Answer, Source
from ticker.times import format_duration
from ticker.units import SECOND

PATIENCE: Final = 30 * SECOND
"""How long to wait for an answer (µs)."""


class SourceRequests:
    """Sends one poller's requests to `source`. Abandons each after `patience` (µs)."""

    def __init__(self, source: Source, patience: int) -> None:
        self._source = source
        self._patience = patience
        self._abandoned: asyncio.Task[Answer] | None = None

    async def ask(
        self,
        symbols: Sequence[str],
        *,
        elapsed: Callable[[], int],
        every: int,
        wait: Callable[[int], Awaitable[None]],
        wake: asyncio.Event,
        ends: Callable[[], bool],
        meanwhile: Callable[[], Awaitable[None]],
        slow_after: int,
        on_slow: Callable[[], Awaitable[None]],
    ) -> Answer | SourceError | None:
        """Return the answer for `symbols` or the failure; `None` if `ends()` is true first.

        `wait` waits until a moment of `elapsed` (µs), or until `wake` is set. `meanwhile` is called
        after each wait without an answer. `on_slow` is called after `slow_after` (µs) without an
        answer, and then every `every` (µs), but at most once a second.
        """
        if self._abandoned is not None and not self._abandoned.done():
            return SourceUnreachable(self._source.name, "is still busy with the last request")
        asked_at = elapsed()
        task = asyncio.ensure_future(self._source.quotes(symbols))
        task.add_done_callback(lambda _: wake.set())
        slow_at = asked_at + slow_after
        given_up_at = asked_at + self._patience
        try:
            while not task.done():
                now = elapsed()
                if ends():
                    return None
                if now >= given_up_at:
                    waited = format_duration(self._patience)
                    return SourceUnreachable(self._source.name, f"no answer for {waited}")
                if now >= slow_at:
                    slow_at = now + max(every, SECOND)
                    await on_slow()
                    continue
                await wait(min(given_up_at, slow_at))
                if not task.done():
                    await meanwhile()
        finally:
            if not task.done():
                task.cancel()
                task.add_done_callback(_let_go)
                self._abandoned = task
        try:
            return task.result()
        except SourceError as error:
            return error


def _let_go(task: asyncio.Task[Answer]) -> None:
    """Retrieve the exception of an abandoned request so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
