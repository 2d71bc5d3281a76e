"""The states that a writer's heartbeat tells, named once for who writes and who judges them."""

from __future__ import annotations

from enum import StrEnum


class WriterState(StrEnum):
    """What a writer got when it last asked. Streams may hold others, of programs to come."""

    STARTING = "starting"
    """It asks for the first time: neither an answer nor a failure came yet."""
    OK = "ok"
    REPLAYING = "replaying"
    SLOW = "slow"
    """It asked, and waits longer for the answer than it should."""
    NO_PRICES = "no-prices"
    """The source answers, without a single usable price."""
    RATE_LIMITED = "rate-limited"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    """The source answers what nobody can read."""
    STREAM_UNREACHABLE = "stream-unreachable"
    STOPPED = "stopped"
