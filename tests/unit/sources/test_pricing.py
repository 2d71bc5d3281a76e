from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.records import Quote
from ticker.sources.pricing import merged, updated

NOW = 1_795_447_805_000_000
MS = NOW // 1_000


def single(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def quote(symbol: str = "AAPL", price: float = 271.4, **fields: Any) -> Quote:
    known: dict[str, Any] = {
        "kind": "equity",
        "session": "regular",
        "previous_close": 270.0,
        "price_hint": 2,
    }
    return Quote(symbol, "yahoo-live", NOW, NOW, price, **(known | fields))


class Message:
    def __init__(self, price: float, **fields: Any) -> None:
        self.id = "AAPL"
        self.price = single(price)
        self.time = MS + 1_000
        self.market_hours = 1
        for name in ("change", "change_percent", "day_high", "day_low", "bid", "ask"):
            setattr(self, name, single(fields.pop(name, 0.0)))
        for name in ("day_volume", "vol_24hr", "last_size", "price_hint"):
            setattr(self, name, fields.pop(name, 0))
        for name, value in fields.items():
            setattr(self, name, value)


def after(known: Quote, price: float, **fields: Any) -> Quote | None:
    return updated(known, Message(price, **fields), received=NOW + 5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("price", "hint"),
    [
        (271.45, 2),
        (1.15872, 4),
        (1.0489877, 4),
        (95_412.63, 2),
        (22_870.4, 2),
        (0.16214, 6),
        (4_101.3, 2),
        (538.25, 2),
        (-37.63, 2),
        (0.1, None),
    ],
)
def test_a_32_bit_float_is_read_as_the_intended_number(price: float, hint: int | None) -> None:
    found = after(quote(price_hint=hint), price)
    assert found is not None
    assert found.price == price


@given(st.decimals(min_value="0.01", max_value="99999.99", places=2))
def test_every_price_in_cents_comes_out_exactly(price: Any) -> None:
    found = after(quote(), float(price))
    assert found is not None
    assert found.price == float(price)


@given(
    st.decimals(min_value="0.01", max_value="4999.99", places=2),
    st.sampled_from([-1, 1]),
)
def test_a_32_bit_rounding_error_is_read_as_the_intended_number(price: Any, by: int) -> None:
    (bits,) = struct.unpack("<I", struct.pack("<f", float(price)))
    (moved,) = struct.unpack("<f", struct.pack("<I", bits + by))
    found = after(quote(price=0.5), moved)
    assert found is not None
    assert found.price == float(price)


@given(st.decimals(min_value="90000", max_value="99999.99", places=2))
def test_large_prices_that_differ_by_a_cent_stay_different(price: Any) -> None:
    found = after(quote(price=float(price)), float(price + Decimal("0.01")))
    assert found is not None
    assert found.price == float(price + Decimal("0.01"))


def test_a_polled_price_with_more_digits_is_kept() -> None:
    exact = 166_423.57
    found = after(quote(price=exact), exact)
    assert found is not None
    assert found.price == exact


def test_the_day_change_follows_from_the_known_close_and_times_are_milliseconds() -> None:
    found = after(quote(), 271.5, day_volume=12, last_size=3, bid=271.4, ask=271.6)
    assert found is not None
    assert (found.day_change, found.time) == (1.5, NOW + 1_000_000)
    assert (found.volume, found.size, found.bid, found.ask) == (12, 3, 271.4, 271.6)
    assert found.received == NOW + 5


def test_a_missing_field_is_unknown_and_not_zero() -> None:
    found = after(quote(volume=9, day_high=280.0, bid=1.0, ask=2.0), 271.5)
    assert found is not None
    assert (found.volume, found.day_high, found.bid, found.ask, found.size) == (
        9,
        280.0,
        None,
        None,
        None,
    )


def test_a_missing_session_means_pre_market_for_a_stock() -> None:
    stock = after(quote(), 271.5, market_hours=0)
    coin = after(quote(kind="cryptocurrency", session="regular"), 271.5, market_hours=0, change=2.5)
    assert stock is not None
    assert coin is not None
    assert (stock.session, coin.session) == ("pre", "regular")
    assert coin.day_change == 2.5


@pytest.mark.parametrize(
    "fields", [{"time": MS - 1}, {"time": 0}, {"time": 2**62}, {"price": 0.0}, {"price": math.nan}]
)
def test_a_message_without_a_newer_price_changes_nothing(fields: dict[str, Any]) -> None:
    message = Message(271.5)
    for name, value in fields.items():
        setattr(message, name, value)
    assert updated(quote(), message, received=NOW) is None  # type: ignore[arg-type]


numbers = st.floats(width=32) | st.just(0.0)
whole = st.integers(-(2**63), 2**63 - 1)


@given(
    st.fixed_dictionaries(
        dict.fromkeys(("price", "change", "change_percent", "day_high", "day_low"), numbers)
        | dict.fromkeys(("bid", "ask"), numbers)
        | dict.fromkeys(("time", "day_volume", "vol_24hr", "last_size", "price_hint"), whole)
        | {"market_hours": st.integers(-(2**31), 2**31 - 1)}
    ),
    st.sampled_from(["equity", "cryptocurrency", "index", "future"]),
)
def test_no_socket_message_raises_an_exception(fields: dict[str, Any], kind: str) -> None:
    message = Message(1.0)
    for name, value in (fields | {"time": abs(fields["time"])}).items():
        setattr(message, name, value)
    found = updated(quote(kind=kind), message, received=NOW)  # type: ignore[arg-type]
    assert found is None or (math.isfinite(found.price) and found.price != 0)


def test_facts_come_from_the_poll_and_newer_trades_from_the_socket() -> None:
    live = after(quote(), 272.0, day_volume=50)
    assert live is not None
    polled = quote(price=271.9, previous_close=271.0, name="Apple Inc.", volume=40)
    both = merged(live, polled)
    assert (both.price, both.time, both.volume) == (272.0, live.time, 50)
    assert (both.name, both.previous_close, both.day_change) == ("Apple Inc.", 271.0, 1.0)
    newer = quote(price=273.0)
    assert merged(quote(), newer) is newer
