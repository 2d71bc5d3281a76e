"""The reasons why a price is old, and which of them follows from each state of a writer."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from ticker.health.states import WriterState


class Reason(StrEnum):
    """Why a price is old, in a word or two for screens.

    The reasons of writers come first, in the order of their badness.
    """

    FRESH = ""
    STARTING = "starting"
    SLOW = "source slow"
    RATE_LIMITED = "rate-limited"
    NO_PRICES = "no usable prices"
    UNREADABLE = "source unreadable"
    UNREACHABLE = "unreachable"
    STREAM_AWAY = "stream away"
    UNKNOWN = "poller unknown"
    POLLER_STOPPED = "poller stopped"
    NOT_POLLED = "not polled"
    """A poller runs, but it does not ask for this symbol."""
    REFUSED = "refused"
    CLOSED = "market closed"
    DELAYED = "delayed"
    PRE_MARKET = "pre-market"
    AFTER_HOURS = "after hours"
    GAP = "ticks missing"
    """A gap has just ended. If its length is known, the length is shown instead of these words."""
    UNCHANGED = "unchanged"
    AWAITED = "awaited"


TROUBLES: Final = frozenset(
    {
        Reason.STREAM_AWAY,
        Reason.POLLER_STOPPED,
        Reason.NOT_POLLED,
        Reason.UNKNOWN,
        Reason.RATE_LIMITED,
        Reason.SLOW,
        Reason.NO_PRICES,
        Reason.UNREADABLE,
        Reason.UNREACHABLE,
        Reason.REFUSED,
    }
)
"""The reasons that a user should act on."""

REASONS: Final[Mapping[str, Reason]] = {
    WriterState.STARTING: Reason.STARTING,
    WriterState.OK: Reason.FRESH,
    WriterState.REPLAYING: Reason.FRESH,
    WriterState.FOLLOWING: Reason.FRESH,
    WriterState.ELSEWHERE: Reason.FRESH,
    WriterState.SLOW: Reason.SLOW,
    WriterState.NO_PRICES: Reason.NO_PRICES,
    WriterState.RATE_LIMITED: Reason.RATE_LIMITED,
    WriterState.UNREACHABLE: Reason.UNREACHABLE,
    WriterState.UNREADABLE: Reason.UNREADABLE,
    WriterState.STREAM_UNREACHABLE: Reason.STREAM_AWAY,
    WriterState.STOPPED: Reason.POLLER_STOPPED,
}
"""State of a writer → the reason for its prices. An unknown state counts as `FRESH`."""

BADNESS: Final = {reason: badness for badness, reason in enumerate(Reason)}
"""Reason of a writer → how bad it is for its prices: 0 is best."""
