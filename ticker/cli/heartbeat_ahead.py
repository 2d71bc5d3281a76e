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
from ticker.records import Heartbeat
from ticker.streams import Stream
from ticker.units import SECOND

_LATE: Final = 1 * SECOND
"""How much later than expected a heartbeat may come (µs)."""
_LONGEST: Final = 5 * SECOND
"""The longest wait (µs), whatever the interval."""


async def arrivals(stream: Stream, heartbeats: Sequence[Heartbeat], now: int) -> list[Heartbeat]:
    """Return heartbeats of `stream` that are newer than `heartbeats`, in the order of the log.

    Waits only if the last of `heartbeats` is ahead of `now` (µs, UTC) and its writer has not
    stopped: one interval and a second, at most 5 s. Returns early if that writer's next heartbeat
    arrives, or if the stream is lost. In all other cases returns an empty list at once.
    """
    newest = heartbeats[-1] if heartbeats else None
    if newest is None or newest.state == WriterState.STOPPED or silence(newest, now) is not None:
        return []
    found: list[Heartbeat] = []
    within = min(newest.interval + _LATE, _LONGEST) / SECOND
    with contextlib.suppress(TimeoutError, StreamError):
        async with asyncio.timeout(within):
            snapshot = await stream.snapshot()
            found += [beat for beat in snapshot.heartbeats if beat not in heartbeats]
            if found:
                return found
            async for batch in stream.read(snapshot.position):
                found += batch.heartbeats
                if any(beat.writer == newest.writer for beat in batch.heartbeats):
                    break
    return found
