"""What a source says of a symbol's day before the first poll. Shown, and never stored."""

from __future__ import annotations

import msgspec


class MinuteBars(msgspec.Struct, frozen=True):
    """The minutes of one symbol's last trading day.

    They are not ticks, and no stream holds them.
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
