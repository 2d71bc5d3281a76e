"""Other programs that use Yahoo can read the exchange's answers.

`ticker` in Go and `yahoo-finance2` in JavaScript are not installed here. These tests ask as they
ask, and read as strictly as they read.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any, Final

import msgspec
import pytest
from aiohttp import ClientSession, DummyCookieJar

from ticker.exchange import Exchange, Market, SessionWish, listings

NOON = 1_795_435_200_000_000
BOARD: Final = (
    "shortName,regularMarketChange,regularMarketChangePercent,regularMarketPrice,"
    "regularMarketPreviousClose,regularMarketOpen,regularMarketDayRange,regularMarketDayHigh,"
    "regularMarketDayLow,regularMarketVolume,postMarketChange,postMarketChangePercent,"
    "postMarketPrice,preMarketChange,preMarketChangePercent,preMarketPrice,fiftyTwoWeekHigh,"
    "fiftyTwoWeekLow,marketCap"
)
"""The fields of the board of `ticker` in Go."""
WISHES: Final = {
    "formatted": "true",
    "lang": "en-US",
    "region": "US",
    "corsDomain": "finance.yahoo.com",
}


class Number(msgspec.Struct):
    """A number as `ticker` in Go reads it: nothing but a number and a text will do."""

    raw: float = 0.0
    fmt: str = ""


class Text(msgspec.Struct):
    raw: str = ""
    fmt: str = ""


class Row(msgspec.Struct, rename="camel"):
    """The fields that the board shows of a symbol."""

    symbol: str
    quote_type: str
    market_state: str
    currency: str
    full_exchange_name: str
    exchange_data_delayed_by: float
    short_name: str = ""
    regular_market_price: Number = msgspec.field(default_factory=Number)
    regular_market_previous_close: Number = msgspec.field(default_factory=Number)
    regular_market_open: Number = msgspec.field(default_factory=Number)
    regular_market_change: Number = msgspec.field(default_factory=Number)
    regular_market_change_percent: Number = msgspec.field(default_factory=Number)
    regular_market_day_range: Text = msgspec.field(default_factory=Text)
    regular_market_day_high: Number = msgspec.field(default_factory=Number)
    regular_market_day_low: Number = msgspec.field(default_factory=Number)
    regular_market_volume: Number = msgspec.field(default_factory=Number)
    pre_market_price: Number = msgspec.field(default_factory=Number)
    pre_market_change: Number = msgspec.field(default_factory=Number)
    pre_market_change_percent: Number = msgspec.field(default_factory=Number)
    post_market_price: Number = msgspec.field(default_factory=Number)
    post_market_change: Number = msgspec.field(default_factory=Number)
    post_market_change_percent: Number = msgspec.field(default_factory=Number)
    fifty_two_week_high: Number = msgspec.field(default_factory=Number)
    fifty_two_week_low: Number = msgspec.field(default_factory=Number)
    market_cap: Number = msgspec.field(default_factory=Number)


class Rows(msgspec.Struct):
    result: list[Row]


class Board(msgspec.Struct, rename="camel"):
    quote_response: Rows


def serve(wish: SessionWish = SessionWish.REGULAR) -> Exchange:
    market = Market(7, listings=listings(), wish=wish)
    return Exchange(market, port=0, clock=lambda: NOON)


def client(exchange: Exchange) -> ClientSession:
    host, port = exchange.address
    return ClientSession(f"http://{host}:{port}", cookie_jar=DummyCookieJar())


async def cookies_of(client: ClientSession, page: str) -> list[Any]:
    """The cookies that a page sets, as they are sent."""
    answer = await client.get(page, headers={"Accept": "text/html"})
    return [
        morsel
        for header in answer.headers.getall("Set-Cookie")
        for morsel in SimpleCookie(header).values()
    ]


async def board(client: ClientSession, symbols: str, fields: str = BOARD) -> dict[str, Row]:
    """As `ticker` in Go: refused without a crumb, it takes every cookie of the root and asks on."""
    query = {"symbols": symbols, "fields": fields, **WISHES}
    assert (await client.get("/v7/finance/quote", params=query)).status == 401
    cookies = await cookies_of(client, "/")
    assert "A3" in {morsel.key for morsel in cookies}
    headers = {"Cookie": "; ".join(f"{each.key}={each.value}" for each in cookies)}
    crumb = await (await client.get("/v1/test/getcrumb", headers=headers)).text()
    query["crumb"] = crumb
    answer = await client.get("/v7/finance/quote", params=query, headers=headers)
    rows = msgspec.json.decode(await answer.read(), type=Board).quote_response.result
    return {row.symbol: row for row in rows}


async def test_the_board_of_the_go_client_is_full() -> None:
    symbols = [each.symbol for each in listings()]
    async with serve() as exchange, client(exchange) as go:
        rows = await board(go, ",".join(symbols))
    assert [*rows] == symbols
    assert all(row.regular_market_price.raw and row.short_name for row in rows.values())
    apple = rows["AAPL"]
    assert apple.regular_market_price.fmt == f"{apple.regular_market_price.raw:,.2f}"
    assert apple.regular_market_change_percent.fmt.endswith("%")
    assert apple.market_cap.fmt.endswith("T")
    assert apple.regular_market_day_range.fmt == apple.regular_market_day_range.raw
    assert rows["OCDO.L"].currency == "GBp"
    assert rows["NEGATIVE=F"].regular_market_price.raw < 0


async def test_ticker_in_go_sees_the_price_before_the_opening_and_after_the_close() -> None:
    async with serve(SessionWish.PRE) as exchange, client(exchange) as go:
        early = (await board(go, "AAPL"))["AAPL"]
    assert early.market_state == "PRE"
    assert early.pre_market_price.raw > 0
    async with serve(SessionWish.CLOSED) as exchange, client(exchange) as go:
        rows = await board(go, "AAPL,^IXIC")
    assert rows["AAPL"].market_state == "CLOSED"
    assert rows["AAPL"].post_market_price.raw > 0
    assert rows["^IXIC"].post_market_price.raw == 0


async def test_the_go_client_gets_its_exchange_rates_in_any_case() -> None:
    async with serve() as exchange, client(exchange) as go:
        rows = await board(go, "GBpUSD=X,EURUSD=X", "currency,regularMarketPrice")
    assert [*rows] == ["GBPUSD=X", "EURUSD=X"]
    assert rows["EURUSD=X"].regular_market_price.raw == pytest.approx(1.16, abs=0.1)
    assert rows["EURUSD=X"].regular_market_volume.raw == 0  # not asked for


async def as_javascript(exchange: Exchange, path: str, query: Mapping[str, str]) -> Any:
    """As `yahoo-finance2`: a jar keeps the cookie of one host of Yahoo's for the others."""
    async with client(exchange) as js:
        cookies = await cookies_of(js, "/quote/AAPL")
        # What was set without a domain is for finance.yahoo.com and goes to no other host.
        shared = [each for each in cookies if each["domain"] == ".yahoo.com"]
        headers = {"Cookie": "; ".join(f"{each.key}={each.value}" for each in shared)}
        crumb = await (await js.get("/v1/test/getcrumb", headers=headers)).text()
        answer = await js.get(path, params={**query, "crumb": crumb}, headers=headers)
        assert answer.status == 200
        return await answer.json()


ALWAYS: Final = {
    "language", "region", "quoteType", "triggerable", "marketState", "tradeable", "exchange",
    "exchangeTimezoneName", "exchangeTimezoneShortName", "gmtOffSetMilliseconds", "market",
    "esgPopulated", "sourceInterval", "exchangeDataDelayedBy", "fullExchangeName", "symbol",
}  # fmt: skip
"""Without these `yahoo-finance2` refuses a quote, even if they were not requested …"""
OF_A_KIND: Final = {
    "FUTURE": {"contractSymbol", "expireDate", "expireIsoDate", "underlyingExchangeSymbol"},
    "OPTION": {"expireDate", "expireIsoDate", "openInterest", "strike", "underlyingSymbol"},
}
"""… and without these those of a kind."""


@pytest.mark.parametrize("fields", ["", "regularMarketPrice,currency"])
async def test_yahoo_finance2_accepts_each_quote(fields: str) -> None:
    symbols = ",".join(each.symbol for each in listings())
    async with serve() as exchange:
        query = {"symbols": symbols} | ({"fields": fields} if fields else {})
        body = await as_javascript(exchange, "/v7/finance/quote", query)
    entries = body["quoteResponse"]["result"]
    assert len(entries) == len(listings())
    for entry in entries:
        assert {*ALWAYS, *OF_A_KIND.get(entry["quoteType"], set())} <= entry.keys()
        assert isinstance(entry["regularMarketPrice"], int | float)
        assert ("regularMarketVolume" in entry) is not bool(fields)


async def test_yahoo_finance2_accepts_a_search_with_and_without_results() -> None:
    async with serve() as exchange:
        query = {"lang": "en-US", "region": "US", "quotesCount": "6", "newsCount": "4"}
        for words, count in (("gold", 2), ("zzzz", 0)):
            body = await as_javascript(exchange, "/v1/finance/search", {**query, "q": words})
            assert len(body["quotes"]) == body["count"] == count
            names = "explains news nav lists researchReports totalTime timeTakenForQuotes"
            assert {*names.split(), "timeTakenForSearchLists"} <= body.keys()
            assert all(found["isYahooFinance"] and found["score"] for found in body["quotes"])


async def test_yahoo_finance2_reads_a_chart() -> None:
    async with serve() as exchange:
        period = {"period1": str(NOON // 10**6 - 30 * 86_400), "period2": str(NOON // 10**6)}
        query = {"interval": "1d", "includePrePost": "true", "events": "div|split|earn", **period}
        body = await as_javascript(exchange, "/v8/finance/chart/aapl", query)
    (result,) = body["chart"]["result"]
    (bars,) = result["indicators"]["quote"]
    assert len({len(bars[name]) for name in ("open", "high", "low", "close", "volume")}) == 1
    assert len(result["timestamp"]) == len(bars["close"]) > 15
    assert bars["close"][-1] == result["meta"]["regularMarketPrice"]
