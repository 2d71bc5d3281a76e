"""What a price did within spans of time. Bars are shown, and never stored: ticks are."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Bar(NamedTuple):
    """Open, high, low and close of one span. The length is stored with the bars, not in each."""

    time: int
    """When the span begins (µs, UTC)."""
    open: float
    high: float
    low: float
    close: float


class MinuteBars(msgspec.Struct, frozen=True):
    """The minutes of one symbol's last trading day, as a source tells them.

    They are from before the first poll. They are not ticks, and no stream holds them.
    """

    symbol: str
    ends: tuple[int, ...]
    """When each minute ended (µs, UTC), oldest first. A minute without a trade is absent."""
    closes: tuple[float, ...]
    """The last price of each of these minutes."""
    received: int
    """When the source answered (µs, UTC)."""
    highs: tuple[float, ...] = ()
    """The highest price of each of these minutes; empty: unknown."""
    lows: tuple[float, ...] = ()
    """The lowest price of each of these minutes; empty: unknown."""
