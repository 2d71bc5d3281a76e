"""Reads the minute bars of a symbol from Yahoo's answer about its chart.

Pure. No answer raises an exception. Minutes that have no usable price or time, or are out of order,
are skipped. Prices are 32-bit floats, and are rounded in the same way as live prices.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, repeat
from typing import Final

from ticker.records import MinuteBars
from ticker.sources.pricing import meant_price
from ticker.sources.reading import decimals, microseconds, number
from ticker.units import MINUTE, SECOND

_MOST: Final = 2_000
"""The most minutes that are kept; older ones are dropped. A day has 1,440."""


def read_bars(answer: object, symbol: str, received: int) -> MinuteBars | None:
    """Return the bars in an answer that came at `received` (µs, UTC). A bar's time is its end.

    `None`: it is no chart of `symbol`. An unfinished minute ends when the answer came.
    """
    match answer:
        case {"chart": {"result": [{"meta": {"symbol": told, **facts}, **result}, *_]}} if (
            told == symbol
        ):
            pass
        case _:
            return None
    times, told = result.get("timestamp"), _columns(result.get("indicators"))
    hint = decimals(facts.get("priceHint"))
    ends: list[int] = []
    bars: list[tuple[float, float, float]] = []
    rows = zip(times if isinstance(times, list) else (), *told, strict=False)
    for time, *prices in [*rows][-_MOST:]:
        end = _end(time, received)
        close, high, low = (_price(price, hint) for price in prices)
        if end is not None and close is not None and (not ends or end > ends[-1]):
            ends.append(end)
            bars.append((close, max(close, high or close), min(close, low or close)))
    closes, highs, lows = zip(*bars, strict=True) if bars else ((), (), ())
    return MinuteBars(symbol, tuple(ends), closes, received, highs, lows)


def _columns(indicators: object) -> list[Iterable[object]]:
    """Return the closes, highs and lows. Missing highs and lows are `None`."""
    match indicators:
        case {"quote": [{"close": list(closes), **others}, *_]}:
            columns = (others.get(name) for name in ("high", "low"))
            found = (each if isinstance(each, list) else () for each in columns)
            return [closes, *(chain(each, repeat(None)) for each in found)]
        case _:
            return [(), (), ()]


def _end(begin: object, received: int) -> int | None:
    """Return the end (µs) of the minute from `begin` (s): at most `received`. `None`: invalid."""
    start = microseconds(begin, SECOND)
    return min(start + MINUTE, received) if start and start < received else None


def _price(told: object, hint: int | None) -> float | None:
    price = number(told)
    return None if price is None else meant_price(price, hint) or None
