"""The states of writers and of streams, named once for those who write and those who judge."""

from __future__ import annotations

from enum import StrEnum


class WriterState(StrEnum):
    """What a writer does. Written in heartbeats of pollers and replays, and in a relay's status.

    Streams may hold others, of newer versions.
    """

    STARTING = "starting"
    """It asks for the first time: neither an answer nor a failure came yet."""
    OK = "ok"
    REPLAYING = "replaying"
    FOLLOWING = "following"
    """A relay that sends on what comes."""
    ELSEWHERE = "elsewhere"
    """A relay that leaves its work to another process."""
    SLOW = "slow"
    """It asked, and waits longer for the answer than it should."""
    NO_PRICES = "no-prices"
    """The source answers, without a single usable price."""
    RATE_LIMITED = "rate-limited"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    """The source answers what nobody can read."""
    STREAM_UNREACHABLE = "stream-unreachable"
    """A stream is away: the one that it writes, or of a relay one of the two."""
    STOPPED = "stopped"


class StreamState(StrEnum):
    """How a stream is, as far as its reader knows."""

    OPENING = "opening"
    """Nobody has looked yet."""
    OK = "ok"
    """It is read, followed or played, and something is in it."""
    EMPTY = "empty"
    """It holds no tick, no quote and no heartbeat. Gaps alone leave it empty."""
    MISSING = "missing"
    """There is no such stream, or not yet."""
    UNREACHABLE = "unreachable"
    """It was there or should be, but does not answer; it may come back by itself."""
    UNUSABLE = "unusable"
    """It is there and cannot be read; somebody must act."""

    @property
    def is_bare(self) -> bool:
        """Whether it holds nothing to show: it is empty, or there is none."""
        return self in {StreamState.EMPTY, StreamState.MISSING}

    @property
    def is_away(self) -> bool:
        """Whether it can be neither read nor written."""
        return self in {StreamState.UNREACHABLE, StreamState.UNUSABLE}
