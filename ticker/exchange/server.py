"""The exchange: a market, or saved answers, behind Yahoo's own HTTP interfaces on loopback.

Promises that yfinance works against it unchanged (cookie, crumb, quotes, refusals as Yahoo words
them) and that every answer, errors too, carries `Ticker-Simulated: 1`. It does not know who asks,
keeps nothing about them, and moves its market only when it is looked at.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self
from weakref import WeakSet

from aiohttp import web

from ticker.errors import CannotListen
from ticker.exchange.charts import not_found
from ticker.exchange.faults import Faults, error, json_answer
from ticker.exchange.fields import MarketAnswers, summary
from ticker.exchange.market import Market
from ticker.exchange.streaming import Entries, Streamer
from ticker.system_clock import now

_log = logging.getLogger(__name__)

PORT: Final = 8790

_SIMULATED: Final = ("Ticker-Simulated", "1")
_COOKIE: Final = "A3"
_SERIES: Final = "/ws/fundamentals-timeseries/v1/finance/timeseries"
_FOUND: Final = 8
"""Symbols that a search finds where nobody wishes for another number."""
_YEAR: Final = 365 * 86_400
_HELLO: Final = """<!doctype html><title>ticker exchange</title>
<p>This is ticker's offline exchange. Every price here is invented or saved long ago.
"""
_CONSENT: Final = """<!doctype html><title>consent</title>
<form method="post" action="/v2/collectConsent?sessionId=offline">
<input type="hidden" name="csrfToken" value="offline">
<input type="hidden" name="sessionId" value="offline">
</form>
"""


class Quotes(Entries, Protocol):
    """What an exchange shows: `MarketAnswers` or `SavedAnswers`."""

    @property
    def events(self) -> int:
        """Price changes so far."""
        ...

    def advance(self, now: int) -> None:
        """Move on to `now` (µs, UTC)."""
        ...

    def find(self, words: str, most: int, now: int) -> Sequence[Mapping[str, Any]]:
        """The entries, at most so many, of what has `words` in its symbol or name."""
        ...

    def chart(self, symbol: str, query: Mapping[str, str], now: int) -> dict[str, Any] | None:
        """The body of Yahoo's answer about the past of `symbol`; `None` if it is not known."""
        ...

    def answer(self, symbols: Iterable[str], now: int) -> bytes:
        """The body of Yahoo's answer for `symbols` at `now` (µs, UTC)."""
        ...


@dataclass(frozen=True)
class Counters:
    """What happened since the start."""

    connections: int
    """Connections on which something was asked, sockets among them."""
    open: int
    """Connections open now."""
    requests: int
    """Requests, of any path."""
    quote_requests: int
    """Requests for quotes."""
    events: int
    """Price changes in the market."""
    sockets: int = 0
    """Sockets open now."""
    sent: int = 0
    """Events sent through sockets."""


Interference = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""Asked before every request: an answer of its own, or `None` to let the exchange answer."""


class Exchange:
    """Serves `quotes` at `host`:`port` from `start()` to `stop()`; port 0 takes a free one.

    `faults` are on from the start, each `NAME[:SHARE]`; `exchange.faults.switch` has others.
    `fault` lets tests answer in its place; `clock` gives µs since the epoch.
    """

    def __init__(
        self,
        quotes: Market | Quotes,
        host: str = "127.0.0.1",
        port: int = PORT,
        *,
        faults: Iterable[str] = (),
        fault: Interference | None = None,
        clock: Callable[[], int] = now,
    ) -> None:
        self._quotes = MarketAnswers(quotes) if isinstance(quotes, Market) else quotes
        self._host = host
        self._port = port
        self.faults = Faults(faults)
        """What goes wrong on purpose."""
        self._fault = fault
        self._clock = clock
        self.streamer = Streamer(self._quotes, clock, self.faults)
        self._key = secrets.token_hex(8)
        self._runner: web.AppRunner | None = None
        self._peers: WeakSet[asyncio.Transport] = WeakSet()
        self._connections = 0
        self._requests = 0
        self._quote_requests = 0

    async def start(self) -> tuple[str, int]:
        """Begin to serve; the address. Raises `CannotListen`."""
        app = web.Application(middlewares=[self._watch])
        app.on_response_prepare.append(_mark)
        app.router.add_get("/", self._root)
        app.router.add_get("/consent", self._consent)
        app.router.add_get("/v2/collectConsent", self._consent)
        app.router.add_post("/v2/collectConsent", self._cookie)
        app.router.add_get("/copyConsent", self._cookie)
        app.router.add_get("/v1/test/getcrumb", self._crumb)
        app.router.add_get("/v7/finance/quote", self._quote)
        app.router.add_get("/v8/finance/chart/{symbol}", self._chart)
        app.router.add_get("/v1/finance/search", self._search)
        app.router.add_get("/v10/finance/quoteSummary/{symbol}", self._summary)
        app.router.add_get(f"{_SERIES}/{{symbol}}", self._series)
        runner = web.AppRunner(
            app, access_log=None, logger=_log, handler_cancellation=True, shutdown_timeout=0.5
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except (OSError, OverflowError) as error:
            await runner.cleanup()
            raise CannotListen(self._host, self._port, _why(error)) from error
        self._runner = runner
        self._quotes.advance(self._clock())
        return self.address

    async def stop(self) -> None:
        """Close every connection, in about a second at most. Harmless when it is stopped."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await self.streamer.close()
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, the one really taken once it is started."""
        if self._runner is None:
            return self._host, self._port
        host, port, *_ = self._runner.addresses[0]
        return str(host), int(port)

    @property
    def counters(self) -> Counters:
        """As of now: looking moves the market on."""
        self._quotes.advance(self._clock())
        server = self._runner.server if self._runner is not None else None
        return Counters(
            connections=self._connections,
            open=len(server.connections) if server is not None else 0,
            requests=self._requests,
            quote_requests=self._quote_requests,
            events=self._quotes.events,
            sockets=self.streamer.open,
            sent=self.streamer.sent,
        )

    @web.middleware
    async def _watch(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self._requests += 1
        self._quote_requests += request.path == "/v7/finance/quote"
        if (peer := request.transport) is not None and peer not in self._peers:
            self._peers.add(peer)
            self._connections += 1
        if self._fault is not None and (answer := await self._fault(request)) is not None:
            return answer
        return await self.faults.answer(request, handler)

    async def _root(self, request: web.Request) -> web.StreamResponse:
        """The page with the cookie, or the streamer's socket."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.streamer.serve(request, dict([_SIMULATED]))
        return await self._cookie(request)

    async def _cookie(self, request: web.Request) -> web.Response:
        """Like `fc.yahoo.com`: what matters of it is the cookie."""
        response = web.Response(text=_HELLO, content_type="text/html")
        if _COOKIE not in request.cookies:
            response.set_cookie(
                _COOKIE, f"d={secrets.token_urlsafe(12)}", max_age=_YEAR, httponly=True
            )
        return response

    async def _consent(self, _: web.Request) -> web.Response:
        """Like `guce.yahoo.com`: the form through which yfinance takes its other way."""
        return web.Response(text=_CONSENT, content_type="text/html")

    async def _crumb(self, request: web.Request) -> web.Response:
        if _COOKIE not in request.cookies:
            return error("finance", 401, "Unauthorized", "Invalid Cookie")
        return web.Response(text=self._crumb_of(request))

    async def _quote(self, request: web.Request) -> web.Response:
        if request.query.get("crumb") != self._crumb_of(request):
            return error("finance", 401, "Unauthorized", "Invalid Crumb")
        symbols = dict.fromkeys(filter(None, request.query.get("symbols", "").split(",")))
        if not symbols:
            return error(
                "quoteResponse", 400, "argument-error", 'Missing value for the "symbols" argument'
            )
        body = self._quotes.answer(self.faults.left(symbols), self._clock())
        return web.Response(body=body, content_type="application/json", charset="utf-8")

    async def _chart(self, request: web.Request) -> web.Response:
        symbol = request.match_info["symbol"]
        body = None
        if self.faults.left([symbol]):
            body = self._quotes.chart(symbol, request.query, self._clock())
        return json_answer(not_found(symbol), 404) if body is None else json_answer(body)

    async def _summary(self, request: web.Request) -> web.Response:
        if request.query.get("crumb") != self._crumb_of(request):
            return error("finance", 401, "Unauthorized", "Invalid Crumb")
        symbol = request.match_info["symbol"]
        for entry in self._quotes.look(self.faults.left([symbol]), self._clock()):
            return json_answer(summary(entry))
        words = f"Quote not found for symbol: {symbol}"
        return error("quoteSummary", 404, "Not Found", words)

    async def _series(self, request: web.Request) -> web.Response:
        """Fundamentals over time: there are none, and that is no error."""
        meta = {"symbol": [request.match_info["symbol"]], "type": ["shares_out"]}
        body = {"timeseries": {"result": [{"meta": meta}], "error": None}}
        return json_answer(body)

    async def _search(self, request: web.Request) -> web.Response:
        words, most = request.query.get("q", ""), request.query.get("quotesCount", "")
        wished = int(most) if most.isdecimal() else _FOUND
        found = self._quotes.find(words, wished, self._clock())
        quotes = [_found(entry) for entry in found]
        body = {"explains": [], "count": len(quotes), "quotes": quotes, "news": [], "nav": []}
        return json_answer(body)

    def _crumb_of(self, request: web.Request) -> str:
        """The crumb that goes with the asker's cookie, so that none need be remembered."""
        cookie = request.cookies.get(_COOKIE, "")
        return hashlib.blake2b(f"{self._key}{cookie}".encode(), digest_size=6).hexdigest()


def _found(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of `quotes` in the answer to a search."""
    names = {
        "exchange": "exchange",
        "shortname": "shortName",
        "longname": "longName",
        "quoteType": "quoteType",
        "typeDisp": "typeDisp",
        "exchDisp": "fullExchangeName",
        "symbol": "symbol",
    }
    told = {name: entry[field] for name, field in names.items() if field in entry}
    return told | {"index": "quotes", "score": 20_000.0, "isYahooFinance": True}


async def _mark(_: web.Request, response: web.StreamResponse) -> None:
    name, value = _SIMULATED
    response.headers[name] = value


def _why(error: OSError | OverflowError) -> str:
    match error:
        case OSError(errno=errno.EADDRINUSE):
            return "another program listens there already"
        case OSError(errno=errno.EACCES):
            return "not allowed"
        case OSError(errno=errno.EADDRNOTAVAIL):
            return "not an address of this machine"
        case OSError(strerror=str(reason)):
            return reason
        case _:
            return str(error)
