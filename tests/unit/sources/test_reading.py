from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ticker.records import MAX_NAME, Quote
from ticker.sources.reading import Context, is_symbol, read_answer

CONTEXT = Context("yahoo", "Yahoo", received=1_739_800_000_000_000, simulated=False)

STOCK: dict[str, Any] = {
    "symbol": "AAPL",
    "quoteType": "EQUITY",
    "marketState": "REGULAR",
    "currency": "USD",
    "regularMarketPrice": 244.6,
    "regularMarketTime": 1739566800,
    "regularMarketPreviousClose": 241.53,
}

SAVED = Path(__file__).parents[3] / ".." / "shared" / "yahoo"


def read(**changes: object) -> Quote:
    quotes, refused = read_answer([STOCK | changes], ["AAPL"], CONTEXT)
    assert not refused
    return quotes[0]


def refusal(**changes: object) -> str:
    quotes, refused = read_answer([STOCK | changes], ["AAPL"], CONTEXT)
    assert not quotes
    return refused["AAPL"]


@pytest.mark.skipif(not SAVED.is_dir(), reason="no saved answers beside the checkout")
def test_saved_answers_are_read_as_expected() -> None:
    expected = json.loads((SAVED / "expected.json").read_text())
    told: set[str] = set()
    for path in (SAVED / "quotes").glob("*.json"):
        results = json.loads(path.read_bytes())["quoteResponse"]["result"]
        asked = [entry["symbol"] for entry in results] or [path.stem]
        quotes, refused = read_answer(results, asked, CONTEXT)
        for quote in quotes:
            fields = json.loads(msgspec.json.encode(quote))
            wanted = expected["quotes"][quote.symbol]
            assert {name: fields.get(name) for name in wanted} == wanted
            unknown = {"bid", "ask"} - wanted.keys()
            assert not unknown & fields.keys(), quote.symbol
            told.add(quote.symbol)
        for symbol, reason in refused.items():
            wanted_reason = (
                "no price" if symbol in expected["without_price"] else "Yahoo knows no such symbol"
            )
            assert reason == wanted_reason
            told.add(symbol)
    assert told == {*expected["quotes"], *expected["without_price"], "SIX"}


def test_the_price_is_that_of_the_newest_trade() -> None:
    post = read(postMarketPrice=245.0, postMarketTime=1739566801)
    assert (post.price, post.time) == (245.0, 1739566801_000_000)
    old = read(postMarketPrice=245.0, postMarketTime=1739566799)
    assert (old.price, old.time) == (244.6, 1739566800_000_000)
    same = read(postMarketPrice=245.0, postMarketTime=1739566800)
    assert same.price == 244.6


def test_an_overnight_price_of_another_venue_is_not_used() -> None:
    assert read(overnightMarketPrice=250.0, overnightMarketTime=1739570000).price == 244.6


def test_a_trade_with_an_impossible_time_gives_way_to_a_plausible_one() -> None:
    assert read(postMarketPrice=245.0, postMarketTime="soon").price == 244.6
    assert read(postMarketPrice=245.0, postMarketTime=1e300).price == 244.6


def test_day_change_is_exact_in_decimals() -> None:
    quote = read(regularMarketPrice=19.54, regularMarketPreviousClose=19)
    assert quote.day_change == 0.54
    assert quote.day_change_percent == pytest.approx(2.8421052631)


@pytest.mark.parametrize("close", [0, -0.0, None, "241.53", float("nan"), True])
def test_day_change_is_absent_without_a_close(close: object) -> None:
    quote = read(regularMarketPreviousClose=close)
    assert (quote.previous_close, quote.day_change, quote.day_change_percent) == (None, None, None)


def test_in_pre_market_the_previous_close_is_the_last_regular_price() -> None:
    quote = read(marketState="PRE", preMarketPrice=246.0, preMarketTime=1739570000)
    assert (quote.price, quote.previous_close, quote.day_change) == (246.0, 244.6, 1.4)
    before_the_first_trade = read(marketState="PRE")
    assert (before_the_first_trade.previous_close, before_the_first_trade.day_change) == (244.6, 0)


def test_after_the_opening_the_last_regular_price_counts_until_the_first_trade() -> None:
    untraded = read(marketState="REGULAR", preMarketPrice=246.0, preMarketTime=1739570000)
    assert untraded.previous_close == 244.6
    traded = read(marketState="REGULAR", preMarketPrice=246.0, preMarketTime=1739566000)
    assert traded.previous_close == 241.53


@pytest.mark.parametrize(
    ("price", "close", "change", "percent"),
    [
        (-37.63, 18.27, -55.9, -305.966064586754),
        (-0.105, -0.1, -0.005, -5.0),
        (-0.095, -0.1, 0.005, 5.0),
        (10.01, -37.63, 47.64, 126.60111613074674),
    ],
)
def test_a_negative_price_is_a_price_and_percentages_are_of_its_magnitude(
    price: float, close: float, change: float, percent: float
) -> None:
    quote = read(
        quoteType="FUTURE",
        regularMarketPrice=price,
        regularMarketPreviousClose=close,
        regularMarketDayLow=price,
    )
    assert (quote.price, quote.previous_close, quote.day_low) == (price, close, price)
    assert quote.day_change == change
    assert quote.day_change_percent == pytest.approx(percent)


def test_a_coin_has_the_sources_change_over_24_hours() -> None:
    coin = read(
        quoteType="CRYPTOCURRENCY",
        regularMarketChange=-1225.8906,
        regularMarketChangePercent=-1.2598631,
    )
    assert (coin.day_change, coin.day_change_percent) == (-1225.8906, -1.2598631)
    untold = read(quoteType="CRYPTOCURRENCY", regularMarketChangePercent=3)
    assert (untold.day_change, untold.day_change_percent) == (None, None)


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        (244.5, 244.7, (244.5, 244.7)),
        (244.5, 244.5, (244.5, 244.5)),
        (0, 244.7, (None, 244.7)),
        (244.5, 0, (244.5, None)),
        (244.7, 244.5, (None, None)),
        (-1, "x", (-1.0, None)),
        (-37.7, -37.6, (-37.7, -37.6)),
        (-37.6, -37.7, (None, None)),
    ],
)
def test_bid_and_ask_are_unknown_at_zero_and_both_when_crossed(
    bid: object, ask: object, expected: tuple[float | None, float | None]
) -> None:
    quote = read(bid=bid, ask=ask)
    assert (quote.bid, quote.ask) == expected


@pytest.mark.parametrize(
    ("state", "session"),
    [
        ("PRE", "pre"),
        ("REGULAR", "regular"),
        ("POST", "post"),
        ("PREPRE", "closed"),
        ("POSTPOST", "closed"),
        ("CLOSED", "closed"),
        ("OVERNIGHT", None),
        ("", None),
        (["PRE"], None),
        (None, None),
    ],
)
def test_known_sessions_are_mapped_and_others_absent(state: object, session: str | None) -> None:
    assert read(marketState=state).session == session


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"regularMarketPrice": None}, "no price"),
        ({"regularMarketPrice": 0}, "not a price: 0"),
        ({"regularMarketPrice": float("nan")}, "not a price: nan"),
        ({"regularMarketPrice": float("inf")}, "not a price: inf"),
        ({"regularMarketPrice": "\x1b[2J"}, r"not a price: '\x1b[2J'"),
        ({"regularMarketPrice": True}, "not a price: True"),
        ({"regularMarketPrice": {"raw": 1}}, "not a price: dict"),
        ({"regularMarketPrice": 10**400}, "not a price"),
        ({"regularMarketTime": None}, "a price without a time"),
        ({"regularMarketTime": -1}, "a price without a time"),
        ({"regularMarketTime": 10**12}, "a price without a time"),
    ],
)
def test_a_symbol_without_a_usable_price_is_refused_with_the_reason(
    changes: dict[str, object], reason: str
) -> None:
    assert refusal(**changes).startswith(reason)


def test_nonsense_beside_the_price_drops_only_that_field() -> None:
    quote = read(
        regularMarketVolume=-5,
        marketCap="big",
        priceHint=2.5,
        exchangeDataDelayedBy=-15,
        longName=["x"],
        shortName=7,
        quoteType=None,
        currency="X" * 1000,
        regularMarketDayHigh=float("inf"),
        fiftyTwoWeekLow=0,
    )
    assert quote == read(currency=None, quoteType=None)


def test_units_are_microseconds_and_currencies_keep_their_case() -> None:
    quote = read(exchangeDataDelayedBy=15, currency="GBp", priceHint=4)
    assert (quote.delay, quote.currency, quote.price_hint) == (900_000_000, "GBp", 4)
    assert read(exchangeDataDelayedBy=0).delay == 0


def test_a_volume_of_zero_is_unknown_only_for_untraded_kinds() -> None:
    assert read(regularMarketVolume=0).volume == 0
    assert read(regularMarketVolume=0, quoteType="INDEX").volume is None
    assert read(regularMarketVolume=0, quoteType="CURRENCY").volume is None
    assert read(regularMarketVolume=7, quoteType="INDEX").volume == 7


def test_volumes_beyond_64_bits_are_dropped() -> None:
    assert read(regularMarketVolume=2**63 - 1).volume == 2**63 - 1
    assert read(regularMarketVolume=2**63).volume is None


def test_hostile_names_are_kept_but_cut_and_made_encodable() -> None:
    hostile = "\x1b]0;x\x07[bold red]\u202e\x00"
    assert read(longName=hostile).name == hostile
    assert read(longName="n" * 10_000).name == "n" * MAX_NAME
    assert read(longName="\ud800").name == "?"
    assert read(longName=" ", shortName="Apple").name == "Apple"


def test_every_requested_symbol_comes_once_and_others_never() -> None:
    other = STOCK | {"symbol": "EVIL", "regularMarketPrice": 1}
    twice = STOCK | {"regularMarketPrice": 1}
    quotes, refused = read_answer(
        [None, 7, {"symbol": 3}, other, STOCK, twice], ["NOPE", "AAPL", "AAPL"], CONTEXT
    )
    assert [(quote.symbol, quote.price) for quote in quotes] == [("AAPL", 244.6)]
    assert refused == {"NOPE": "Yahoo knows no such symbol"}


def test_a_symbol_that_yahoo_spells_differently_is_named() -> None:
    _, refused = read_answer([STOCK], ["aapl"], CONTEXT)
    assert refused == {"aapl": "Yahoo calls it AAPL"}


def test_invented_prices_are_marked() -> None:
    context = CONTEXT._replace(source="exchange", title="the exchange", simulated=True)
    quotes, refused = read_answer([STOCK], ["AAPL", "NOPE"], context)
    assert (quotes[0].simulated, quotes[0].source) == (True, "exchange")
    assert refused["NOPE"] == "the exchange knows no such symbol"
    assert not read().simulated


@pytest.mark.parametrize("text", ["AAPL", "^IXIC", "GC=F", "BRK-B", "0700.HK", "M&M.NS"])
def test_valid_symbols_are_accepted(text: str) -> None:
    assert is_symbol(text)


@pytest.mark.parametrize("text", ["", "A,B", "A B", "\x1b[2J", "A\x00", "x" * 65, "A\u202eB"])
def test_other_texts_are_not_symbols(text: str) -> None:
    assert not is_symbol(text)
