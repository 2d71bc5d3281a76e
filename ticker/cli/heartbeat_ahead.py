"""How a command that reads once handles a heartbeat that is ahead of the clock.

Its time is useless, so the command waits for the next heartbeat. Its arrival proves that the writer
lives.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from ticker.errors import StreamError
from ticker.health.states import WriterState
from ticker.health.writers import silence
from ticker.records import Heartbeat, Position
from ticker.streams import Stream
from ticker.units import SECOND

_LATE: Final = 1 * SECOND
"""How much later than expected a heartbeat may come (µs)."""
_LONGEST: Final = 5 * SECOND
"""The longest wait (µs), whatever the interval."""


def is_newest_ahead(heartbeats: Sequence[Heartbeat], now: int) -> bool:
    """Tell whether the last of `heartbeats`, in the order of the log, is ahead of `now` (µs, UTC).

    False if its writer stopped, because then no other one comes.
    """
    newest = heartbeats[-1] if heartbeats else None
    if newest is None or newest.state == WriterState.STOPPED:
        return False
    return silence(newest, now) is None


async def arrivals(
    stream: Stream, after: Position, heartbeats: Sequence[Heartbeat], now: int
) -> list[Heartbeat]:
    """Return heartbeats that arrive `after` a snapshot whose newest one is ahead of `now`.

    Waits one interval, 5 s at most, and ends as soon as that writer is heard. It also ends if the
    stream is lost.
    """
    if not is_newest_ahead(heartbeats, now):
        return []
    newest = heartbeats[-1]
    found: list[Heartbeat] = []
    within = min(newest.interval + _LATE, _LONGEST) / SECOND
    with contextlib.suppress(TimeoutError, StreamError):
        async with asyncio.timeout(within):
            async for batch in stream.read(after):
                found += batch.heartbeats
                if any(beat.writer == newest.writer for beat in batch.heartbeats):
                    break
    return found
