"""What the price of a symbol did within a span of time. Bars are never stored: ticks are."""

from __future__ import annotations

from typing import NamedTuple


class Bar(NamedTuple):
    """Open, high, low and close of one span. The length is stored with the bars, not in each."""

    time: int
    """When the span begins (µs, UTC)."""
    open: float
    high: float
    low: float
    close: float
