"""Waits for another heartbeat if the newest is ahead of the clock, for commands that read once.

A time ahead of the clock does not show whether the writer lives. The arrival of another heartbeat
proves that it does.
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

    False if its writer stopped, because then no other heartbeat comes.
    """
    newest = heartbeats[-1] if heartbeats else None
    if newest is None or newest.state == WriterState.STOPPED:
        return False
    return silence(newest, now) is None


async def arrivals(
    stream: Stream, after: Position, heartbeats: Sequence[Heartbeat], now: int
) -> list[Heartbeat]:
    """Return heartbeats that arrive `after` a snapshot. `heartbeats` are the snapshot's.

    Returns an empty list at once unless `is_newest_ahead` (`now` is µs, UTC). Otherwise waits one
    interval and a second, at most 5 s. Ends early if that writer's next heartbeat arrives, or if
    the stream is lost.
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
