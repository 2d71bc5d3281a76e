"""A row of the board: all that is known of one symbol, at one moment.

Frozen: a row that was handed out never changes under a screen. Names and reasons are as they came,
so they are escaped where they are shown.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ticker.board.holding import Holding
from ticker.records import Quote, Tick
from ticker.units import HOUR

_NIGHT: Final = 12 * HOUR
"""A trade that is older than this (µs) was not made in the session that is open now."""


class Row(msgspec.Struct, frozen=True, gc=False):
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
    """When it was received (µs, UTC)."""
    day_change: float | None = None
    """Currency."""
    day_change_percent: float | None = None
    volume: int | float | None = None
    bid: float | None = None
    ask: float | None = None
    previous_price: float | None = None
    """Before the last tick (currency)."""
    size: int | float | None = None
    """Of the last trade (units)."""
    sequence: int | None = None
    previous_close: float | None = None
    """Currency."""
    open: float | None = None
    day_high: float | None = None
    day_low: float | None = None
    fifty_two_week_high: float | None = None
    fifty_two_week_low: float | None = None
    market_cap: int | float | None = None
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
    """When this reader last saw the price change (µs, by the reader's clock)."""
    before: float | None = None
    """The price before that change."""
    holding: Holding | None = None
    """What is owned of it."""


def is_change_current(facts: Row | Quote | Tick, kind: str | None = None) -> bool:
    """Tell whether the day change of `facts` belongs to the present trading day.

    It does not if the session is open and the last trade is 12 hours old, or if nothing was traded
    today. A fund has one price a day, which counts until the next. `kind` is used if `facts` have
    none.
    """
    kind = getattr(facts, "kind", None) or kind
    if facts.time is None or facts.received is None or kind == "mutualfund":
        return True
    if facts.session == "regular" and facts.received - facts.time > _NIGHT:
        return False
    return facts.day_change != 0 or (facts.volume != 0 and facts.session != "pre")
