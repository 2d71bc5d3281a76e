from __future__ import annotations

from typing import Any

import pytest

from ticker.exchange import Market, listings
from ticker.exchange.fields import fields
from ticker.exchange.formatting import is_wish, wished
from ticker.exchange.listings import CATALOGUE

NOON = 1_795_435_200_000_000
FORMATTED = {"formatted": "true"}


def entry(symbol: str, **changes: Any) -> dict[str, Any]:
    (state,) = Market(7, listings=listings()).look([symbol], NOON)
    return fields(state) | changes


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("regularMarketPrice", 5914.83, "5,914.83"),
        ("regularMarketPrice", 180, "180.00"),
        ("regularMarketChangePercent", 1.4750453, "1.48%"),
        ("fiftyTwoWeekLowChangePercent", 0.42941135, "42.94%"),
        ("regularMarketVolume", 1_602_497, "1.602M"),
        ("regularMarketVolume", 0, "0"),
        ("marketCap", 175_728_345_088, "175.728B"),
        ("regularMarketDayRange", "107.89 - 110.1", "107.89 - 110.10"),
        ("regularMarketTime", 1_795_435_200, "7:00AM EST"),
        ("expireDate", 1_795_392_000, "2026-11-23"),
    ],
)
def test_a_number_has_the_text_that_yahoo_gives_it(name: str, value: Any, text: str) -> None:
    told = wished(entry("AAPL", **{name: value}), FORMATTED)[name]
    assert (told["raw"], told["fmt"]) == (value, text)


def test_descriptive_fields_are_not_formatted() -> None:
    told, plain = wished(entry("GC=F"), FORMATTED), entry("GC=F")
    for name in ("symbol", "priceHint", "exchangeDataDelayedBy", "gmtOffSetMilliseconds"):
        assert told[name] == plain[name]
    assert told["contractSymbol"] is False
    assert told.keys() == plain.keys()


def test_only_the_requested_numbers_and_all_descriptive_fields_are_sent() -> None:
    told = wished(entry("AAPL"), {"fields": "bid,regularMarketDayRange"})
    assert {"bid", "regularMarketDayRange", "symbol", "currency", "marketState"} <= told.keys()
    assert not {"ask", "regularMarketPrice", "fiftyTwoWeekRange"} & told.keys()


@pytest.mark.parametrize(
    ("query", "expected"),
    [({}, False), ({"fields": ""}, False), ({"formatted": "false"}, False), (FORMATTED, True)],
)
def test_a_plain_request_is_not_taken_for_a_formatted_one(
    query: dict[str, str], expected: bool
) -> None:
    assert is_wish(query) is expected


@pytest.mark.parametrize("value", [None, "x", [1], float("nan"), 10**30, -1, True, "1 - x"])
@pytest.mark.parametrize("name", ["regularMarketPrice", "regularMarketTime", "priceHint", "xRange"])
def test_nonsense_in_a_saved_answer_is_passed_on(name: str, value: Any) -> None:
    assert name in wished(entry("AAPL", **{name: value}), FORMATTED)


def test_every_listing_can_be_formatted() -> None:
    for listing in listings():
        told = wished(entry(listing.symbol), FORMATTED)
        assert told["regularMarketPrice"]["fmt"]
    assert len(listings()) > len(CATALOGUE)
