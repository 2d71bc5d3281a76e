"""The polls of a live source.

They bring names and closes, they are compared with the socket, and they replace a socket that sends
nothing. They keep to the interval of a polled source and to its budget. If a source asks us to
wait, we wait. A failed poll changes no known quote. This module knows no socket.
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
    """Polls `source` into `known`. `clock` returns µs since the epoch, `monotonic` seconds."""

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
        """The error of the last one, if it failed."""
        self._known = known
        self._clock = clock
        self._monotonic = monotonic
        self._after = 0
        """When the source may be asked again (µs, UTC)."""
        self._comparing: asyncio.Task[Answer] | None = None

    async def poll(self, symbols: Sequence[str]) -> bool | None:
        """Poll now, unless it is too early. Returns whether a known price moved; `None`: unknown.

        It is never too early for a symbol of which nothing is known. Raises `SourceError` if no
        quote is known at all.
        """
        if self._known and not self._is_allowed(symbols, self.pace(len(symbols))):
            return None
        self.asked_at = self._monotonic()
        try:
            return self._apply(await self.source.quotes(symbols))
        except SourceError as error:
            self._note_error(error)
            if not self._known:
                raise
            self._known.refuse(dict.fromkeys(symbols, error.problem))
            return None

    def begin(self, symbols: Sequence[str], pause: float, wake: Callable[[], object]) -> None:
        """Poll in the background if the last poll is `pause` ago (s). Call `wake` at the end."""
        pause = max(pause, 2 * self.pace(len(symbols)))  # half the budget is left over
        if self._comparing is None and self._is_allowed(symbols, pause):
            self.asked_at = self._monotonic()
            self._comparing = asyncio.create_task(self.source.quotes(symbols))
            self._comparing.add_done_callback(lambda _: wake())

    def ended(self) -> bool | None:
        """Return the result of a background poll that has ended, as `poll` does."""
        task = self._comparing
        if task is None or not task.done():
            return None
        self._comparing = None
        try:
            return self._apply(task.result())
        except SourceError as error:
            self._note_error(error)
            return None

    def cancel(self) -> None:
        """Drop the background poll: its answer would be older than the next connection."""
        if self._comparing is not None:
            self._comparing.cancel()
            self._comparing = None

    def pace(self, symbols: int) -> float:
        """Return the seconds between two polls of so many symbols, within the budget's share."""
        budget, requests = self.source.budget, -(-symbols // self.source.batch)
        every = self.source.every / SECOND
        budget.wish(int(3_600 * requests / every))
        return max(every, 3_600 * requests / budget.share if budget.share else 0.0)

    def _is_allowed(self, symbols: Sequence[str], pause: float) -> bool:
        is_late = self._monotonic() - self.asked_at >= pause
        return self._clock() >= self._after and (is_late or bool(self._known.unknown(symbols)))

    def _apply(self, answer: Answer) -> bool:
        self.error = None
        if answer.rate_limited is not None:
            self._note_error(answer.rate_limited)
        return self._known.apply_poll(answer)

    def _note_error(self, error: SourceError) -> None:
        self.error = error
        if isinstance(error, RateLimited):
            self._after = error.retry_at
