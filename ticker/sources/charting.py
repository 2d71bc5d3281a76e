"""Yahoo's answer about a symbol's chart, as JSON, → its minute bars.

Pure. Promises that no answer raises an exception: minutes without a usable price or time, and those
that come out of order, are passed over. Closes are 32-bit floats, rounded as live prices are.
"""

from __future__ import annotations

import math
from typing import Final

from ticker.records import MAX_TIME, MinuteBars
from ticker.sources.pricing import meant_price
from ticker.units import MINUTE, SECOND

_MOST: Final = 2_000
"""Minutes that are kept at most, the last ones; a day has 1,440."""
_MAX_DECIMALS: Final = 12


def read_bars(answer: object, symbol: str, received: int) -> MinuteBars | None:
    """The bars in an answer about `symbol` that came at `received` (µs, UTC).

    `None` for what is no such answer. The minute under way ends when the answer came.
    """
    match answer:
        case {"chart": {"result": [{"meta": {"symbol": told, **facts}, **result}, *_]}} if (
            told == symbol
        ):
            pass
        case _:
            return None
    times, closes = result.get("timestamp"), _closes(result.get("indicators"))
    hint = facts.get("priceHint")
    if isinstance(hint, bool) or not isinstance(hint, int) or not 0 <= hint <= _MAX_DECIMALS:
        hint = None
    ends: list[int] = []
    prices: list[float] = []
    if isinstance(times, list) and isinstance(closes, list):
        for time, close in [*zip(times, closes, strict=False)][-_MOST:]:
            end = _end(time, received)
            price = _price(close, hint)
            if end is not None and price is not None and (not ends or end > ends[-1]):
                ends.append(end)
                prices.append(price)
    return MinuteBars(symbol, tuple(ends), tuple(prices), received)


def _closes(indicators: object) -> object:
    match indicators:
        case {"quote": [{"close": closes}, *_]}:
            return closes
        case _:
            return None


def _end(begin: object, received: int) -> int | None:
    """When the minute ends that begins then (seconds); `None` if that is after `received`."""
    if isinstance(begin, bool) or not isinstance(begin, int):
        return None
    if not 0 < begin * SECOND < min(received, MAX_TIME):
        return None
    return min(begin * SECOND + MINUTE, received)


def _price(close: object, hint: int | None) -> float | None:
    if isinstance(close, bool) or not isinstance(close, int | float):
        return None
    try:
        number = float(close)
    except OverflowError:
        return None
    if not math.isfinite(number) or not number:
        return None
    return meant_price(number, hint) or None
