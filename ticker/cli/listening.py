"""What a command that looks once does about a heartbeat that is ahead of the clock.

Its time tells nothing, so the command waits for another one: who sees one arrive needs no clock.
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
"""How much later than announced a heartbeat may come (µs)."""
_LONGEST: Final = 5 * SECOND
"""The longest wait (µs), whatever the interval."""


def is_newest_ahead(heartbeats: Sequence[Heartbeat], now: int) -> bool:
    """Whether the last of `heartbeats`, in the order of the log, is ahead of the clock (µs, UTC).

    Not if it says that its writer stopped: then there is nothing to wait for.
    """
    newest = heartbeats[-1] if heartbeats else None
    if newest is None or newest.state == WriterState.STOPPED:
        return False
    return silence(newest, now) is None


async def arrivals(
    stream: Stream, after: Position, heartbeats: Sequence[Heartbeat], now: int
) -> list[Heartbeat]:
    """Heartbeats that arrive `after` a snapshot with `heartbeats`, if its newest is ahead of `now`.

    Waits one interval, 5 s at most, and ends as soon as that writer is heard. A stream that goes
    away meanwhile ends it too.
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
