from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ticker.exchange import Market
from ticker.exchange.fields import fields
from ticker.exchange.listings import CATALOGUE

NOON = 1_795_435_200_000_000
SAVED = Path(__file__).parents[3] / ".." / "shared" / "yahoo" / "quotes"
# What a company's books, a contract's terms, long averages and Yahoo's own pages fill in: an
# invented market has none of these.
BOOKS = (
    "dividend|earnings|trailing|eps|price(?:Eps|To)|book|forward|average(?:Analyst)|fiftyDay"
    "|twoHundredDay|ytd|net|esg|messageBoard|display|firstTrade|head|contract|underlying|expire"
    "|openInterest|isEarnings|logo|coin|start|fiftyTwoWeek.*Percent|post|circulating|from|to"
)


def entry(symbol: str) -> dict[str, Any]:
    (state,) = Market(7).look([symbol], NOON)
    return fields(state)


@pytest.mark.skipif(not SAVED.is_dir(), reason="no saved answers beside the checkout")
@pytest.mark.parametrize("symbol", ["AAPL", "QQQ", "GC=F", "EURUSD=X", "BTC-USD", "OCDO.L"])
def test_fields_and_types_equal_those_of_genuine_answers(symbol: str) -> None:
    (genuine,) = json.loads((SAVED / f"{symbol}.json").read_bytes())["quoteResponse"]["result"]
    ours = entry(symbol)
    assert ours.keys() <= genuine.keys()
    missing = {name for name in genuine.keys() - ours.keys() if not re.match(BOOKS, name)}
    assert not missing
    for name, value in ours.items():
        numbers = (int, float)
        if isinstance(genuine[name], numbers) and not isinstance(genuine[name], bool):
            assert isinstance(value, numbers), name
        else:
            assert type(value) is type(genuine[name]), name
    for name in ("quoteType", "typeDisp", "currency", "exchange", "fullExchangeName", "market"):
        assert ours[name] == genuine[name]
    assert isinstance(ours["regularMarketTime"], int)


def test_times_are_whole_seconds_unless_the_market_is_faster() -> None:
    (slow,) = Market(7).look(["AAPL"], NOON)
    assert isinstance(fields(slow)["regularMarketTime"], int)
    (fast,) = Market(7, every=100_000).look(["AAPL"], NOON + 300_000)
    assert fields(fast)["regularMarketTime"] == NOON / 1e6 + 0.3


def test_the_day_change_has_yahoos_form() -> None:
    told = entry("AAPL")
    change = told["regularMarketPrice"] - told["regularMarketPreviousClose"]
    assert told["regularMarketChange"] == pytest.approx(change)
    percent = 100 * change / told["regularMarketPreviousClose"]
    assert told["regularMarketChangePercent"] == pytest.approx(percent)


def test_the_market_value_of_a_price_in_pence_is_in_pounds() -> None:
    told = entry("OCDO.L")
    assert told["marketCap"] == pytest.approx(told["regularMarketPrice"] * 823_000_000 / 100)


@pytest.mark.parametrize("listing", CATALOGUE, ids=lambda listing: listing.symbol)
def test_every_listing_gives_valid_fields(listing: Any) -> None:
    assert json.loads(json.dumps(entry(listing.symbol)))["symbol"] == listing.symbol
