"""How a stream is: what `health()` of each backend returns."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ticker.health.states import StreamState
from ticker.records import Heartbeat


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a stream is, as its reader sees it now."""

    stream: str
    """Its URL as a user may see it (no secrets)."""
    state: StreamState
    problem: str | None = None
    """What is wrong, in a sentence; absent when nothing is."""
    ticks: int | None = None
    """How many the stream holds (rows)."""
    symbols: int | None = None
    first: int | None = None
    """`received` of the first tick that is still held (µs, UTC)."""
    last: int | None = None
    """`received` of the last tick (µs, UTC)."""
    size: int | None = None
    """Bytes on disk, where the stream is a file."""
    simulated: bool | None = None
    """Whether its prices are invented; absent while it holds none."""
    is_finished: bool = False
    """Whether it is a recording: complete, so that nobody writes it any more."""
    broken: int = 0
    """Records passed over since this reader opened the stream, because they could not be read."""
    holes: int = 0
    """Ticks found missing since this reader opened the stream."""
    repeats: int = 0
    """Ticks seen twice and dropped since this reader opened the stream."""
    undelivered: int = 0
    """Ticks kept locally that a relay has not sent yet: of the destination furthest behind."""
    waiting: Mapping[str, int] = {}
    """Destination (its URL) → how many ticks a log of ours keeps for it; 0 where all is sent."""
    heartbeats: tuple[Heartbeat, ...] = ()
    """The last per (writer, source), in the order in which they were written."""
