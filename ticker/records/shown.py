"""Bars of a price, and results of a search. They are shown, but no stream holds them."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Bar(NamedTuple):
    """Open, high, low and close of one span (currency). A list's bars are equally long."""

    time: int
    """When the span begins (µs, UTC)."""
    open: float
    high: float
    low: float
    close: float


class MinuteBars(msgspec.Struct, frozen=True):
    """The minutes of one symbol's last trading day, as its source reports them.

    A dashboard draws those before its first tick. No stream holds them.
    """

    symbol: str
    ends: tuple[int, ...]
    """When each minute ended (µs, UTC), oldest first. A minute without a trade is absent."""
    closes: tuple[float, ...]
    """The last price of each of these minutes (currency)."""
    received: int
    """When the source answered (µs, UTC)."""
    highs: tuple[float, ...] = ()
    """The highest price of each of these minutes (currency); empty: unknown."""
    lows: tuple[float, ...] = ()
    """The lowest price of each of these minutes (currency); empty: unknown."""


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """One instrument that a search found. Its texts may hold anything: escape them to show them."""

    symbol: str
    name: str = ""
    kind: str = ""
    """Yahoo's `quoteType`, in lower case."""
    exchange: str = ""
