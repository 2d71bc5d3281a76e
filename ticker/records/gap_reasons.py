"""Why there is a gap: the reasons that writers write and readers show."""

from __future__ import annotations

from enum import StrEnum


class GapReason(StrEnum):
    """Why a span was not observed, or why ticks are missing, in words.

    A stream may hold other reasons: a source says in its own words why its connection broke.
    """

    POLLER_STOPPED = "poller stopped"
    NOT_POLLED = "not polled"
    """The symbol has a price, but no known poller polled it. It may have been removed for a while.
    """
    POLLER_HELD_UP = "poller held up"
    """The poller's process did not run in time."""
    OVERTAKEN = "other pollers of this stream are faster"
    """Other pollers numbered ticks each time before this poller could append."""
    SLOW_ANSWER = "slow answer"
    """The source took longer than the interval."""
    NO_PRICES = "no prices"
    """The source answered without a single usable price."""
    RATE_LIMITED = "rate-limited"
    UNREACHABLE = "unreachable"
    """The source did not answer."""
    UNREADABLE = "unreadable"
    """The source's answer could not be read."""
    STREAM_UNREACHABLE = "stream unreachable"
    """The poller could not write to the stream."""
    TICKS_MISSING = "ticks missing"
    """A reader or a relay noticed a hole in the sequence. The reason is unknown."""
    RETENTION = "retention"
    """Retention deleted the ticks before this reader read them."""
    ANOTHER_LOG = "replaced by another log"
    """Another log, or an older copy of the log, took its place while it was read."""
