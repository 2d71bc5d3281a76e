"""Turns a message of Yahoo's socket and the known quote of its symbol into the new quote.

Pure: no input or output, no clock. No message raises an exception. A message without a usable
price, or with an older one, changes nothing. The rules:

* Prices are 32-bit floats: 271.4 comes as 271.39999. A price is rounded to `price_hint` decimals if
  the result is the same 32-bit float, or differs by no more than 32-bit arithmetic can cause.
  Otherwise it becomes the shortest decimal that is the same 32-bit float.
* The message format leaves out zeros, so 0 and absent mean the same. For prices, bid, ask and
  volume they mean unknown, for the session pre-market.
* The day's change is computed in decimals from the price and the close of the last poll. A coin
  never closes, so its change is Yahoo's own.
* Times in messages are milliseconds.
"""

from __future__ import annotations

import math
import struct
from typing import Final, Protocol

import msgspec

from ticker.errors import InvalidRecord
from ticker.records import MAX_TIME, Quote
from ticker.sources.reading import COIN, MAX_DECIMALS, WITHOUT_VOLUME, day_change, uncrossed

_MILLISECOND: Final = 1_000
_SESSIONS: Final = {0: "pre", 1: "regular", 2: "post"}
_WITH_SESSIONS: Final = frozenset({"equity", "etf"})
"""Kinds that have a pre-market. For others, an absent session is unknown."""
_ERROR: Final = 2.0**-22
"""The relative error that a sum of two 32-bit floats may have."""
_COARSE: Final = 8
"""An error is only corrected if a price step is larger than this multiple of the error."""
_DIGITS: Final = range(6, 10)
"""Significant digits that a 32-bit float may need."""


class Message(Protocol):
    """The fields that we use of yfinance's `PricingData`. Absent ones are 0."""

    id: str
    price: float
    time: int
    market_hours: int
    change: float
    change_percent: float
    day_volume: int
    vol_24hr: int
    day_high: float
    day_low: float
    last_size: int
    bid: float
    ask: float
    price_hint: int


def updated(known: Quote, message: Message, *, received: int) -> Quote | None:
    """Return `known` updated by `message`; `None` if the message is older or not usable.

    `received` is when it came (µs, UTC).
    """
    time = message.time * _MILLISECOND
    hint = message.price_hint or known.price_hint
    if not known.time <= time <= MAX_TIME or not math.isfinite(message.price) or not message.price:
        return None
    price = meant_price(message.price, hint, known.price) or known.price
    bid, ask = uncrossed(
        meant_price(message.bid, hint, known.bid), meant_price(message.ask, hint, known.ask)
    )
    change: float | None
    percent: float | None
    if known.kind == COIN:
        change, percent = _short(message.change), _short(message.change_percent)
    else:
        change, percent = day_change(price, known.previous_close)
    high = meant_price(message.day_high, hint, known.day_high) or known.day_high
    low = meant_price(message.day_low, hint, known.day_low) or known.day_low
    try:
        return msgspec.structs.replace(
            known,
            time=time,
            received=received,
            price=price,
            day_change=change,
            day_change_percent=percent,
            volume=_volume(known, message),
            bid=bid,
            ask=ask,
            session=_session(known, message.market_hours),
            size=message.last_size if message.last_size > 0 else None,
            day_high=high,
            day_low=low,
        )
    except InvalidRecord:
        return None


def merged(known: Quote, polled: Quote) -> Quote:
    """Return the newer trade of the two quotes, with the other facts of `polled`."""
    if polled.time >= known.time:
        return polled
    change, percent = day_change(known.price, polled.previous_close)
    if known.kind == COIN:
        change, percent = known.day_change, known.day_change_percent
    trade = {
        name: getattr(known, name)
        for name in ("time", "received", "price", "volume", "bid", "ask", "session", "size")
    }
    return msgspec.structs.replace(polled, **trade, day_change=change, day_change_percent=percent)


def _volume(known: Quote, message: Message) -> int | float | None:
    if known.kind in WITHOUT_VOLUME:
        return None
    told = message.day_volume or message.vol_24hr
    return told if told > 0 else known.volume


def _session(known: Quote, hours: int) -> str | None:
    if hours == 0 and known.kind not in _WITH_SESSIONS:
        return known.session
    return _SESSIONS.get(hours, known.session)


def meant_price(single: float, hint: int | None, known: float | None = None) -> float | None:
    """Return the number that a 32-bit float stands for; `None` if it is 0 or not finite.

    Returns `known` if that is the same 32-bit float. `hint` is the usual number of decimals.
    """
    if not single or not math.isfinite(single):
        return None
    packed = _packed(single)
    if known is not None and _packed(known) == packed:
        return known
    if hint is not None and 0 <= hint <= MAX_DECIMALS:
        rounded = round(single, hint)
        error = abs(single) * _ERROR
        is_moved = abs(rounded - single) <= error < 10.0**-hint / _COARSE
        if is_moved or _packed(rounded) == packed:
            return rounded
    return _short(single)


def _short(single: float) -> float:
    """Return the shortest decimal that is the same 32-bit float; 0 if it is not finite."""
    if not math.isfinite(single):
        return 0.0
    packed = _packed(single)
    shorter = (float(f"{single:.{digits}g}") for digits in _DIGITS)
    return next((number for number in shorter if _packed(number) == packed), single)


def _packed(number: float) -> bytes:
    try:
        return struct.pack("f", number)
    except OverflowError:
        return b""
