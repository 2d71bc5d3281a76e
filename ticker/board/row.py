"""A row of the board: all that is known of one symbol, at one moment.

Frozen: a row that was handed out never changes under a screen. Names and reasons are as they came,
so they are escaped where they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One symbol. Without a price (`price is None`) it is awaited, or its age says why not."""

    symbol: str
    price: float | None = None
    """Currency."""
    name: str | None = None
    kind: str | None = None
    exchange: str | None = None
    source: str | None = None
    origin: str | None = None
    time: int | None = None
    """Of the price, by the source (µs, UTC)."""
    received: int | None = None
    """When we had it (µs, UTC)."""
    day_change: float | None = None
    """Currency."""
    day_change_percent: float | None = None
    volume: int | float | None = None
    bid: float | None = None
    ask: float | None = None
    previous_close: float | None = None
    """Currency."""
    currency: str | None = None
    """As the source spells it."""
    session: str | None = None
    price_hint: int | None = None
    """Decimals that the source suggests."""
    delay: int | None = None
    """By how much the exchange delays its prices (µs)."""
    simulated: bool = False
    direction: int = 0
    """Of the last change of the price: 1 up, -1 down, 0 none seen."""
    moved: int | None = None
    """When the price last changed before our eyes (µs, by the clock of folding)."""
    before: float | None = None
    """The price before that change."""
