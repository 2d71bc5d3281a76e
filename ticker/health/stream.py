"""The health of a stream, which `health()` of each backend returns."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ticker.health.states import StreamState
from ticker.records import Heartbeat


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """The health of a stream, as its reader sees it now."""

    stream: str
    """Its URL without secrets."""
    state: StreamState
    problem: str | None = None
    """What is wrong, in a sentence; absent if nothing is."""
    ticks: int | None = None
    """How many ticks the stream holds (rows)."""
    symbols: int | None = None
    first: int | None = None
    """`received` of the first tick that is still held (µs, UTC)."""
    last: int | None = None
    """`received` of the last tick (µs, UTC)."""
    size: int | None = None
    """Bytes on disk, if the stream is a file."""
    simulated: bool | None = None
    """Whether its prices are invented; absent if it holds no price."""
    is_finished: bool = False
    """Whether it is a recording: complete, and never written again."""
    broken: int = 0
    """Unreadable records skipped since this reader opened the stream."""
    holes: int = 0
    """Ticks found missing since this reader opened the stream."""
    repeats: int = 0
    """Repeated ticks dropped since this reader opened the stream."""
    undelivered: int = 0
    """Ticks of a local log that still wait to be sent to the destination furthest behind."""
    waiting: Mapping[str, int] = {}
    """Destination (its URL) → how many ticks our log keeps for it; 0 if all are sent."""
    heartbeats: tuple[Heartbeat, ...] = ()
    """The last heartbeat per (writer, source), in the order of writing."""
