"""The states of writers and of streams, shared by those who write and those who judge."""

from __future__ import annotations

from enum import StrEnum


class WriterState(StrEnum):
    """What a writer does. Written in heartbeats of pollers and replays, and in a relay's status.

    Newer versions may write other states.
    """

    STARTING = "starting"
    """It asks for the first time: no answer and no failure yet."""
    OK = "ok"
    REPLAYING = "replaying"
    FOLLOWING = "following"
    """A relay that sends what comes."""
    ELSEWHERE = "elsewhere"
    """A relay that leaves its work to another process."""
    SLOW = "slow"
    """It waits longer for an answer than it should."""
    NO_PRICES = "no-prices"
    """The source answers, without a single usable price."""
    RATE_LIMITED = "rate-limited"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    """The source's answers cannot be read."""
    STREAM_UNREACHABLE = "stream-unreachable"
    """A stream is away: the one that it writes or, for a relay, one of the two."""
    STOPPED = "stopped"


class StreamState(StrEnum):
    """How a stream is, as far as its reader knows."""

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
    """It is there and cannot be read. The user must act."""

    @property
    def is_bare(self) -> bool:
        """Tell whether it holds nothing to show: it is empty, or there is none."""
        return self in {StreamState.EMPTY, StreamState.MISSING}

    @property
    def is_away(self) -> bool:
        """Tell whether it can be neither read nor written."""
        return self in {StreamState.UNREACHABLE, StreamState.UNUSABLE}
