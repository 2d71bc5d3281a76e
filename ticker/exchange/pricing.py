"""Converts an entry of `v7/finance/quote` to a message of Yahoo's streamer.

The message is yfinance's `PricingData`, a protobuf, in base64, in JSON. Prices are 32-bit floats
and zeros are left out, as in real messages. yfinance takes a second and 128 MB to load, so only its
file with `PricingData` is loaded, when the first message is made. This module knows no socket.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

import msgspec

from ticker.errors import TickerError

_KINDS: Final = {
    "EQUITY": 8, "INDEX": 9, "MUTUALFUND": 11, "OPTION": 13, "CURRENCY": 14, "FUTURE": 18,
    "ETF": 20, "CRYPTOCURRENCY": 41,
}  # fmt: skip
_HOURS: Final = {"PRE": 0, "REGULAR": 1, "POST": 2}
"""Pre-market is 0, which a message leaves out."""
_EXTENDED: Final = 3
_TOO_LARGE: Final = 2**53
_FIELDS: Final[Mapping[str, tuple[str, type]]] = {
    "currency": ("currency", str),
    "exchange": ("exchange", str),
    "change_percent": ("regularMarketChangePercent", float),
    "change": ("regularMarketChange", float),
    "day_volume": ("regularMarketVolume", int),
    "day_high": ("regularMarketDayHigh", float),
    "day_low": ("regularMarketDayLow", float),
    "short_name": ("shortName", str),
    "open_price": ("regularMarketOpen", float),
    "previous_close": ("regularMarketPreviousClose", float),
    "bid": ("bid", float),
    "bid_size": ("bidSize", int),
    "ask": ("ask", float),
    "ask_size": ("askSize", int),
    "price_hint": ("priceHint", int),
    "vol_24hr": ("volume24Hr", int),
    "vol_all_currencies": ("volumeAllCurrencies", int),
    "from_currency": ("fromCurrency", str),
    "last_market": ("lastMarket", str),
    "circulating_supply": ("circulatingSupply", float),
    "market_cap": ("marketCap", float),
}
"""Field of the message → field of the entry, and the type in the message."""


_PRICES: Final = ("price", "bid", "ask", "day_high", "day_low", "open_price", "previous_close")


def message(entry: Mapping[str, Any], *, is_rough: bool = False) -> str:
    """Return the message that Yahoo's streamer (version 2) sends about `entry`.

    `is_rough` makes the last bit of each price wrong, as after 32-bit arithmetic.
    """
    market = str(entry.get("marketState", "REGULAR"))
    prefix = {"PRE": "preMarket", "POST": "postMarket"}.get(market, "regularMarket")
    if f"{prefix}Price" not in entry:
        prefix = "regularMarket"
    found: dict[str, Any] = {
        "id": entry["symbol"],
        "price": number(entry.get(f"{prefix}Price")),
        "time": round(number(entry.get(f"{prefix}Time")) * 1_000),
        "quote_type": _KINDS.get(str(entry.get("quoteType")), 0),
        "market_hours": _HOURS.get(market, _EXTENDED),
    }
    for name, (field, kind) in _FIELDS.items():
        value = entry.get(field)
        if kind is not str:
            found[name] = kind(number(value))
        elif isinstance(value, str):
            found[name] = value
    if is_rough:
        found |= {name: _off(found[name]) for name in _PRICES}
    body = _pricing_data()(**found).SerializeToString()
    text = {"type": "pricing", "message": b64encode(body).decode()}
    return msgspec.json.encode(text).decode()


def _off(price: float) -> float:
    """Return the next 32-bit float after `price`, away from 0; 0 stays 0."""
    (bits,) = struct.unpack("<I", struct.pack("<f", price))
    (off,) = struct.unpack("<f", struct.pack("<I", bits + 1))
    return off if price else 0.0


def number(value: Any) -> float:
    """Return `value`, or 0 if it is not a number that fits a message."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and abs(value) < _TOO_LARGE else 0


@cache
def _pricing_data() -> Any:
    """Return the class of the messages."""
    package = find_spec("yfinance")  # finds it, and loads nothing
    for folder in (package and package.submodule_search_locations) or ():
        spec = spec_from_file_location("ticker_pricing_pb2", Path(folder) / "pricing_pb2.py")
        if spec is not None and spec.loader is not None:
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return module.PricingData
    raise TickerError("yfinance is not installed, and the socket needs its messages")
