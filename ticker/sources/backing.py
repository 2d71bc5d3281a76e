"""The polls behind a live source.

They have three uses: they fetch names and closes, they show whether a silent socket misses prices,
and they replace a socket that sends nothing. They keep to the interval and the budget of the polled
source. Once a quote is known, they wait as long as the source asks. A failed poll changes no known
quote. This module knows no socket.
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
    """Polls `source` into `known`, by the clocks of `source`."""

    def __init__(self, source: YahooSource, known: KnownQuotes) -> None:
        self.source = source
        self._clock = source.clock
        self._monotonic = source.monotonic
        self.asked_at = self._monotonic()
        """When the last poll was sent, or this object was made (s, by `source.monotonic`)."""
        self.error: SourceError | None = None
        """The error of the last poll; `None` if there was none."""
        self._known = known
        self._after = 0
        """When the source may be asked again (µs, UTC)."""
        self._comparing: asyncio.Task[Answer] | None = None

    async def poll(self, symbols: Sequence[str]) -> bool | None:
        """Poll now, unless it is too early.

        Returns whether a known price moved; `None` if no poll was sent, or if it failed. For a
        symbol without a quote or a refusal, the interval is ignored, but not the wait that the
        source asked for. While no quote is known at all, every call polls, and a failed poll raises
        `SourceError`.
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
        """Start a background poll if the last poll was sent at least `pause` seconds ago.

        `pause` is raised to two intervals of `pace`, and is ignored if nothing is known of a
        symbol. `wake` is called when the poll ends. At most one runs at a time.
        """
        pause = max(pause, 2 * self.pace(len(symbols)))  # uses at most half of the budget
        if self._comparing is None and self._is_allowed(symbols, pause):
            self.asked_at = self._monotonic()
            self._comparing = asyncio.create_task(self.source.quotes(symbols))
            self._comparing.add_done_callback(lambda _: wake())

    def ended(self) -> bool | None:
        """Return the result of a background poll that has ended, as `poll` does.

        `None` if none has ended since the last call.
        """
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
        """Cancel the background poll: its answer could be older than the next connection."""
        if self._comparing is not None:
            self._comparing.cancel()
            self._comparing = None

    def pace(self, symbols: int) -> float:
        """Return the seconds between two polls of `symbols` symbols, within the budget's share.

        It also tells the budget how many requests an hour are wanted.
        """
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
