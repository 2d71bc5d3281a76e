"""The poller's two clocks, and waiting.

The wall clock gives records their times; it may be set at any moment. The other clock paces the
polls and never goes back. It counts the time in which the machine sleeps, so that a poller notices
a gap. It does not change when the wall clock is set, so that no false gap appears.
"""

from __future__ import annotations

import asyncio

from ticker.system_clock import now, uptime
from ticker.units import SECOND
from ticker.waiting import wait_unless


class Clock:
    """The machine's clocks (µs). A subclass may have its own time."""

    def wall(self) -> int:
        """Return the time of day (µs since the epoch, UTC). It may jump forward or back."""
        return now()

    def elapsed(self) -> int:
        """Return the time since some fixed moment (µs). It never goes back."""
        return uptime()

    async def wait(self, event: asyncio.Event, until: int) -> None:
        """Return when `event` is set or `elapsed()` has reached `until`; maybe a little early."""
        if not event.is_set():
            await wait_unless(event, (until - self.elapsed()) / SECOND)
