"""Asks the poller for the minute bars of the rows on the screen, one row after another.

It asks one question at a time, gets one answer for each row, and waits longer after each failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from ticker.back_off import BackOff
from ticker.dashboard.control import Controller
from ticker.errors import Unanswered
from ticker.feed import Feed
from ticker.units import MINUTE

_PAUSE: Final = 5.0
"""The wait after a failed question (s). It doubles, up to `_LONGEST`."""
_LONGEST: Final = 300.0
_AGAIN: Final = 15 * MINUTE
"""The time after which a row without an answer is asked for again (µs)."""


class MinuteBarsFiller:
    """Puts minute bars on the board of `feed`; `visible` returns the symbols on the screen.

    Start `run` in the background, and call `look` with each frame. Both need a `controller`.
    """

    def __init__(
        self,
        feed: Feed,
        controller: Controller | None,
        visible: Callable[[], Sequence[str]],
        on_change: Callable[[], None],
    ) -> None:
        self._feed = feed
        self._controller = controller
        self._visible = visible
        self._on_change = on_change
        self._failed: dict[str, int] = {}
        """Symbol → when to ask for it again (µs, by `elapsed`)."""
        self._wanted = asyncio.Event()

    def look(self) -> None:
        """Check whether the bars of a visible row are missing."""
        if self._controller is not None and self._next() is not None:
            self._wanted.set()

    async def run(self) -> None:
        """Ask for missing bars, until cancelled."""
        back_off = BackOff()
        while True:
            await self._wanted.wait()
            symbol = self._next()
            if symbol is None or self._controller is None:
                self._wanted.clear()
                continue
            try:
                bars = await self._controller.bars(symbol)
            except Unanswered:
                self._failed[symbol] = self._feed.elapsed() + _AGAIN
                await asyncio.sleep(back_off.wait(_PAUSE, _LONGEST))
                continue
            back_off.reset()
            self._feed.board.take_minutes(bars)
            self._on_change()

    def _next(self) -> str | None:
        """Return the first visible row that has a price but no bars."""
        board, now = self._feed.board, self._feed.elapsed()
        for symbol in self._visible():
            is_due = self._failed.get(symbol, now) <= now
            if is_due and symbol not in board.minutes and board.row(symbol).price is not None:
                return symbol
        return None
