"""What a source tells of a symbol's day before anybody polled it. Shown, and never stored."""

from __future__ import annotations

import msgspec


class MinuteBars(msgspec.Struct, frozen=True):
    """The minutes of one symbol's last trading day. They are no ticks, and no stream holds them."""

    symbol: str
    ends: tuple[int, ...]
    """When each minute ended (µs, UTC), oldest first. A minute without a trade is not there."""
    closes: tuple[float, ...]
    """The last price of each of these minutes."""
    received: int
    """When the source told it (µs, UTC)."""
