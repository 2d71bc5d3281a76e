"""The states of writers and of streams, shared by writers and readers; the health of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from ticker.records import Heartbeat


class WriterState(StrEnum):
    """What a writer does. It is in the heartbeats of pollers and replays, and in a relay's status.

    Newer versions may write other states.
    """

    STARTING = "starting"
    """It asks for the first time: no answer and no failure yet."""
    OK = "ok"
    REPLAYING = "replaying"
    FOLLOWING = "following"
    """A relay that sends new records as they come."""
    ELSEWHERE = "elsewhere"
    """Another process relays instead of this one."""
    SLOW = "slow"
    """It waits longer for an answer than it should."""
    NO_PRICES = "no-prices"
    """The source answers, but without any usable price."""
    RATE_LIMITED = "rate-limited"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    """The source's answers cannot be read."""
    STREAM_UNREACHABLE = "stream-unreachable"
    """The stream that it writes is away; for a relay, also the stream that it reads."""
    STOPPED = "stopped"


class StreamState(StrEnum):
    """The state of a stream, as far as its reader knows."""

    OPENING = "opening"
    """It has not been read yet."""
    OK = "ok"
    """It is read, followed or played, and it is not empty."""
    EMPTY = "empty"
    """It holds no tick, no quote and no heartbeat. With gaps alone it still counts as empty."""
    MISSING = "missing"
    """There is no such stream, or not yet."""
    UNREACHABLE = "unreachable"
    """It was there or should be, but does not answer. It may come back by itself."""
    UNUSABLE = "unusable"
    """It is there but cannot be read. The user must act."""

    @property
    def is_bare(self) -> bool:
        """Tell whether it holds nothing to show: it is empty or missing."""
        return self in {StreamState.EMPTY, StreamState.MISSING}

    @property
    def is_away(self) -> bool:
        """Tell whether it can be neither read nor written."""
        return self in {StreamState.UNREACHABLE, StreamState.UNUSABLE}


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """The health of a stream, as its reader sees it now. `health()` of each backend returns it."""

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
