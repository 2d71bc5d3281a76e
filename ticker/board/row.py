"""A row of the board: all that is known of one symbol, at one moment.

Frozen: a row does not change while a screen shows it. Texts are as the source sent them, so they
must be escaped where they are shown.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from ticker.records import Quote, Tick
from ticker.units import HOUR

_NIGHT: Final = 12 * HOUR
"""A trade that is older than this (µs) was not made in the session that is open now."""


class Holding(msgspec.Struct, frozen=True):
    """What the user owns of one symbol, in the currency of its price. `None`: unknown."""

    quantity: Decimal
    value: Decimal | None = None
    cost: Decimal | None = None
    """What was paid, with fees. Another currency is converted at today's rate."""
    day_gain: Decimal | None = None
    gain: Decimal | None = None
    gain_percent: Decimal | None = None
    """The gain in per cent of the cost."""
    weight: Decimal | None = None
    """Its share of everything owned, with cash, in per cent."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One symbol. If `price` is `None`, no price came yet, and `age_of` says why."""

    symbol: str
    # From the newest tick or quote:
    price: float | None = None
    """In `currency`."""
    source: str | None = None
    origin: str | None = None
    sequence: int | None = None
    time: int | None = None
    """The time of the price, as the source tells it (µs, UTC)."""
    received: int | None = None
    """When the price was received (µs, UTC)."""
    previous_price: float | None = None
    """The price before the last tick (in `currency`)."""
    size: int | float | None = None
    """The size of the last trade (units)."""
    bid: float | None = None
    ask: float | None = None
    simulated: bool = False
    # From the newest quote:
    name: str | None = None
    kind: str | None = None
    exchange: str | None = None
    previous_close: float | None = None
    """In `currency`."""
    open: float | None = None
    day_high: float | None = None
    day_low: float | None = None
    fifty_two_week_high: float | None = None
    fifty_two_week_low: float | None = None
    market_cap: int | float | None = None
    price_hint: int | None = None
    """Decimals that the source suggests."""
    delay: int | None = None
    """How late the exchange publishes its prices (µs)."""
    # From both:
    day_change: float | None = None
    """In `currency`."""
    day_change_percent: float | None = None
    volume: int | float | None = None
    currency: str | None = None
    """As the source spells it."""
    session: str | None = None
    # From this reader:
    direction: int = 0
    """The direction of the last price change: 1 up, -1 down, 0 no change seen."""
    moved: int | None = None
    """When this reader last saw the price change (µs, by the reader's clock)."""
    before: float | None = None
    """The price before that change."""
    holding: Holding | None = None
    """What the user owns of the symbol; `None`: nothing."""


def is_change_current(facts: Row | Quote | Tick, kind: str | None = None) -> bool:
    """Tell whether the day change of `facts` belongs to the present trading day.

    It does not if the session is open and the last trade is more than 12 hours old. It does not if
    it is 0 because nothing was traded today (volume 0, or pre-market). A fund's change always
    does: it has one price a day. `kind` is used if `facts` have none.
    """
    kind = getattr(facts, "kind", None) or kind
    if facts.time is None or facts.received is None or kind == "mutualfund":
        return True
    if facts.session == "regular" and facts.received - facts.time > _NIGHT:
        return False
    return facts.day_change != 0 or (facts.volume != 0 and facts.session != "pre")
