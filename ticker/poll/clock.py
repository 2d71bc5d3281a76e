"""The poller's two clocks and its way to wait.

The wall clock dates records and may be stepped at any moment; the other one only ever goes forward
and paces the polls. It promises that a machine put to sleep shows in `elapsed()`, so that a span in
which nobody looked is seen, and that a stepped wall clock does not, so that none is invented.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from ticker.system_clock import now, uptime
from ticker.units import SECOND


class Clock(Protocol):
    """What time it is, how much has passed, and waiting. All in µs."""

    def wall(self) -> int:
        """Now, since the epoch (µs, UTC). May jump either way."""
        ...

    def elapsed(self) -> int:
        """Since some moment in the past (µs). Never goes back."""
        ...

    async def wait(self, event: asyncio.Event, until: int) -> None:
        """Return when `event` is set or `elapsed()` has reached `until`; maybe a little early."""
        ...


class SystemClock:
    """The machine's clocks."""

    def wall(self) -> int:
        """Now, since the epoch (µs, UTC)."""
        return now()

    def elapsed(self) -> int:
        """Since the machine was started, sleep included (µs)."""
        return uptime()

    async def wait(self, event: asyncio.Event, until: int) -> None:
        """Return when `event` is set or `elapsed()` has reached `until` (µs)."""
        if event.is_set():
            return
        try:
            async with asyncio.timeout((until - self.elapsed()) / SECOND):
                await event.wait()
        except TimeoutError:
            return
