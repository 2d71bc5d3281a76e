"""The states of writers and of streams, shared by writers and readers."""

from __future__ import annotations

from enum import StrEnum


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
