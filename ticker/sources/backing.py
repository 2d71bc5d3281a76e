"""The polls behind a live source: for names and closes, to compare, and while no socket sends.

They keep to the polled interval and the budget. If a source asks us to wait, we wait. A failed poll
changes nothing that is known. This module knows no socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ticker.errors import RateLimited, SourceError
from ticker.sources.known import KnownQuotes
from ticker.sources.protocol import Answer
from ticker.sources.yahoo import YahooSource
from ticker.units import SECOND


class BackingPolls:
    """Polls `source` into `known`; `clock` gives µs since the epoch, `monotonic` seconds."""

    def __init__(
        self,
        source: YahooSource,
        known: KnownQuotes,
        *,
        clock: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self.source = source
        self.asked_at = monotonic()
        """When the last one was sent."""
        self.error: SourceError | None = None
        """What went wrong with the last one."""
        self._known = known
        self._clock = clock
        self._monotonic = monotonic
        self._after = 0
        """When the source may be asked again (µs, UTC)."""
        self._comparing: asyncio.Task[Answer] | None = None

    async def poll(self, symbols: Sequence[str]) -> bool | None:
        """Ask now, unless it is too early. Returns whether a known price moved; `None`: unknown.

        A symbol of which nothing is known is asked for at once. Raises `SourceError` where nothing
        is known at all.
        """
        if self._known and not self._is_allowed(symbols, self.pace(len(symbols))):
            return None
        self.asked_at = self._monotonic()
        try:
            return self._learn(await self.source.quotes(symbols))
        except SourceError as error:
            self._blame(error)
            if not self._known:
                raise
            self._known.refuse(dict.fromkeys(symbols, error.problem))
            return None

    def begin(self, symbols: Sequence[str], pause: float, wake: Callable[[], object]) -> None:
        """Ask in the background if `pause` (s) is over; `wake` is called at the end."""
        pause = max(pause, 2 * self.pace(len(symbols)))  # half the budget is left over
        if self._comparing is None and self._is_allowed(symbols, pause):
            self.asked_at = self._monotonic()
            self._comparing = asyncio.create_task(self.source.quotes(symbols))
            self._comparing.add_done_callback(lambda _: wake())

    def ended(self) -> bool | None:
        """What `poll` tells, of one in the background that has ended."""
        task = self._comparing
        if task is None or not task.done():
            return None
        self._comparing = None
        try:
            return self._learn(task.result())
        except SourceError as error:
            self._blame(error)
            return None

    def cancel(self) -> None:
        """Forget the one in the background: what it tells is older than the next connection."""
        if self._comparing is not None:
            self._comparing.cancel()
            self._comparing = None

    def pace(self, symbols: int) -> float:
        """Seconds between two polls of so many symbols, within this poller's share."""
        budget, requests = self.source.budget, -(-symbols // self.source.batch)
        every = self.source.every / SECOND
        budget.wish(int(3_600 * requests / every))
        return max(every, 3_600 * requests / budget.share if budget.share else 0.0)

    def _is_allowed(self, symbols: Sequence[str], pause: float) -> bool:
        is_late = self._monotonic() - self.asked_at >= pause
        return self._clock() >= self._after and (is_late or bool(self._known.unknown(symbols)))

    def _learn(self, answer: Answer) -> bool:
        self.error = None
        if answer.rate_limited is not None:
            self._blame(answer.rate_limited)
        return self._known.learn(answer)

    def _blame(self, error: SourceError) -> None:
        self.error = error
        if isinstance(error, RateLimited):
            self._after = error.retry_at
