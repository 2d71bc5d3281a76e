"""Answers each of Yahoo's paths: cookie, crumb, quotes, charts, search.

Clients of Yahoo work with it unchanged. The cookie is valid for the host that was asked and for
Yahoo's hosts. The crumb belongs to the cookie. Symbols may be in lower case. The options for quotes
(`fields`, `formatted`) work. It stores nothing about its clients.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from ticker.errors import UsageError
from ticker.exchange.answers import Answers
from ticker.exchange.charts import ChartRefused
from ticker.exchange.faults import Faults, error, json_answer
from ticker.exchange.fields import summary
from ticker.exchange.formatting import is_wish, wished
from ticker.units import SECOND

_COOKIE: Final = "A3"
_DOMAIN: Final = ".yahoo.com"
_YEAR: Final = 365 * 86_400
_SERIES: Final = "/ws/fundamentals-timeseries/v1/finance/timeseries"
_FOUND: Final = 8
"""The most symbols in the answer to a search, if the request gives no number."""
_FOUND_FIELDS: Final = {
    "exchange": "exchange", "shortname": "shortName", "longname": "longName", "symbol": "symbol",
    "quoteType": "quoteType", "typeDisp": "typeDisp", "exchDisp": "fullExchangeName",
}  # fmt: skip
"""Field of a found symbol → field of its entry."""
_HELLO: Final = """<!doctype html><title>ticker exchange</title>
<p>This is ticker's offline exchange. Every price here is invented or saved long ago.
"""
_CONSENT: Final = """<!doctype html><title>consent</title>
<form method="post" action="/v2/collectConsent?sessionId=offline">
<input type="hidden" name="csrfToken" value="offline">
<input type="hidden" name="sessionId" value="offline">
</form>
"""
_SEARCHED: Final[Mapping[str, Any]] = {
    "explains": [], "news": [], "nav": [], "lists": [], "researchReports": [],
    "screenerFieldResults": [], "totalTime": 1, "timeTakenForQuotes": 1, "timeTakenForNews": 0,
    "timeTakenForAlgowatchlist": 0, "timeTakenForPredefinedScreener": 0,
    "timeTakenForCrunchbase": 0, "timeTakenForNav": 0, "timeTakenForResearchReports": 0,
    "timeTakenForScreenerField": 0, "timeTakenForCulturalAssets": 0, "timeTakenForSearchLists": 0,
}  # fmt: skip
"""The other fields in the answer to a search: they never change."""


class Paths:
    """Answers requests from `quotes`. `clock` returns µs since the epoch.

    `socket` serves a request that opens the streamer's socket.
    """

    def __init__(
        self,
        quotes: Answers,
        faults: Faults,
        clock: Callable[[], int],
        socket: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> None:
        self._quotes = quotes
        self._faults = faults
        self._clock = clock
        self._socket = socket
        self._key = secrets.token_hex(8)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the paths to `router`."""
        router.add_get("/", self._root)
        router.add_get("/quote/{symbol}", self._cookie)
        router.add_get("/consent", self._consent)
        router.add_get("/v2/collectConsent", self._consent)
        router.add_post("/v2/collectConsent", self._cookie)
        router.add_get("/copyConsent", self._cookie)
        router.add_get("/v1/test/getcrumb", self._crumb)
        router.add_get("/v7/finance/quote", self._quote)
        router.add_get("/v8/finance/chart/{symbol}", self._chart)
        router.add_get("/v1/finance/search", self._search)
        router.add_get("/v10/finance/quoteSummary/{symbol}", self._summary)
        router.add_get("/v7/finance/options/{symbol}", self._options)
        router.add_get(f"{_SERIES}/{{symbol}}", self._series)
        router.add_put("/faults", self._switch)
        router.add_get("/{rest:.*}", self._unknown)

    async def _root(self, request: web.Request) -> web.StreamResponse:
        """Open the streamer's socket if that is asked for. Otherwise send the cookie's page."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        return await self._cookie(request)

    async def _cookie(self, request: web.Request) -> web.Response:
        """Send a page with a cookie, like `fc.yahoo.com`. Clients need only the cookie."""
        response = web.Response(text=_HELLO, content_type="text/html")
        if _COOKIE not in request.cookies:
            cookie = f"{_COOKIE}=d={secrets.token_urlsafe(12)}; Max-Age={_YEAR}; Path=/; HttpOnly"
            # One for the address of the exchange, one for clients that believe that they ask Yahoo.
            response.headers.add("Set-Cookie", cookie)
            response.headers.add("Set-Cookie", f"{cookie}; Domain={_DOMAIN}")
        return response

    async def _consent(self, _: web.Request) -> web.Response:
        """Send the consent form of `guce.yahoo.com`: yfinance's other way to a cookie."""
        return web.Response(text=_CONSENT, content_type="text/html")

    async def _crumb(self, request: web.Request) -> web.Response:
        if _COOKIE not in request.cookies:
            return error("finance", 401, "Unauthorized", "Invalid Cookie")
        return web.Response(text=self._crumb_of(request))

    async def _quote(self, request: web.Request) -> web.Response:
        if request.query.get("crumb") != self._crumb_of(request):
            return error("finance", 401, "Unauthorized", "Invalid Crumb")
        symbols = _symbols(request.query.get("symbols", ""))
        if not symbols:
            return error(
                "quoteResponse", 400, "argument-error", 'Missing value for the "symbols" argument'
            )
        left, at = self._faults.left(symbols), self._clock()
        if not is_wish(request.query):
            body = self._quotes.answer(left, at)
            return web.Response(body=body, content_type="application/json", charset="utf-8")
        entries = [wished(entry, request.query) for entry in self._quotes.look(left, at)]
        return json_answer({"quoteResponse": {"result": entries, "error": None}})

    async def _chart(self, request: web.Request) -> web.Response:
        symbol = request.match_info["symbol"].upper()
        try:
            for each in self._faults.left([symbol]):
                if body := self._quotes.chart(each, request.query, self._clock()):
                    return json_answer(body)
        except ChartRefused as refused:
            return error("chart", *refused.args)
        words = f"No data found, symbol may be delisted: {symbol}"
        return error("chart", 404, "Not Found", words)

    async def _summary(self, request: web.Request) -> web.Response:
        if request.query.get("crumb") != self._crumb_of(request):
            return error("finance", 401, "Unauthorized", "Invalid Crumb")
        symbol, entries = self._asked(request)
        words = f"Quote not found for symbol: {symbol}"
        for entry in entries:
            if result := summary(entry, request.query.get("modules", "")):
                return json_answer({"quoteSummary": {"result": [result], "error": None}})
            words = f"No fundamentals data found for symbol: {symbol}"
        return error("quoteSummary", 404, "Not Found", words)

    async def _options(self, request: web.Request) -> web.Response:
        """Answer as Yahoo does about a symbol without options, or about an unknown one."""
        symbol, entries = self._asked(request)
        result = [
            {"underlyingSymbol": symbol, "expirationDates": [], "strikes": [], "quote": entry}
            | {"hasMiniOptions": False, "options": []}
            for entry in entries
        ]
        return json_answer({"optionChain": {"result": result, "error": None}})

    async def _switch(self, request: web.Request) -> web.Response:
        """Set the faults that the body names, and clear all others. Yahoo has no such path."""
        try:
            self._faults.switch(*(await request.text()).split())
        except UsageError as problem:
            return error("finance", 400, "Bad Request", str(problem))
        return json_answer(self._faults.on)

    async def _unknown(self, request: web.Request) -> web.Response:
        words = f"The offline exchange has no {request.path}"
        return error("finance", 404, "Not Found", words)

    async def _series(self, request: web.Request) -> web.Response:
        """Send the present number of shares. There are no other fundamentals."""
        symbol, entries = self._asked(request)
        result: dict[str, Any] = {"meta": {"symbol": [symbol], "type": ["shares_out"]}}
        for entry in entries:
            if shares := entry.get("sharesOutstanding"):
                result |= {"timestamp": [self._clock() // SECOND], "shares_out": [shares]}
        return json_answer({"timeseries": {"result": [result], "error": None}})

    async def _search(self, request: web.Request) -> web.Response:
        words, most = request.query.get("q", ""), request.query.get("quotesCount", "")
        count = int(most) if most.isdecimal() else _FOUND
        quotes = [_found(entry) for entry in self._quotes.find(words, count, self._clock())]
        return json_answer({**_SEARCHED, "count": len(quotes), "quotes": quotes})

    def _asked(self, request: web.Request) -> tuple[str, Sequence[Mapping[str, Any]]]:
        """Return the symbol in the path, and its entry, if it has one."""
        symbol = request.match_info["symbol"].upper()
        return symbol, self._quotes.look(self._faults.left([symbol]), self._clock())

    def _crumb_of(self, request: web.Request) -> str:
        """Return the crumb of the client's cookie. It is computed, so none is stored."""
        cookie = request.cookies.get(_COOKIE, "")
        return hashlib.blake2b(f"{self._key}{cookie}".encode(), digest_size=6).hexdigest()


def _symbols(text: str) -> list[str]:
    """Split `text` at commas into symbols, each once, in capitals like Yahoo's symbols."""
    return [*dict.fromkeys(filter(None, text.upper().split(",")))]


def _found(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Convert `entry` to an entry of `quotes` in the answer to a search."""
    told = {name: entry[field] for name, field in _FOUND_FIELDS.items() if field in entry}
    return told | {"index": "quotes", "score": 20_000.0, "isYahooFinance": True}
