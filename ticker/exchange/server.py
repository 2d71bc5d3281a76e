"""The exchange: a market, or saved answers, behind Yahoo's own HTTP interfaces on loopback.

yfinance works with it unchanged (cookie, crumb, quotes, refusals in Yahoo's words). Every answer,
errors too, has the header `Ticker-Simulated: 1`. It stores nothing about its clients. It moves its
market only when a request, a subscriber or `counters` needs it.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from weakref import WeakSet

from aiohttp import web

from ticker.errors import CannotListen
from ticker.exchange.answers import MarketAnswers, SavedAnswers
from ticker.exchange.faults import Faults
from ticker.exchange.market import Market
from ticker.exchange.paths import Paths
from ticker.exchange.streaming import Streamer
from ticker.system_clock import now

_log = logging.getLogger(__name__)

_SIMULATED: Final = {"Ticker-Simulated": "1"}
_WHY: Final[Mapping[int | None, str]] = {
    errno.EADDRINUSE: "another program listens there already",
    errno.EACCES: "not allowed",
    errno.EADDRNOTAVAIL: "not an address of this machine",
}
_QUOTE: Final = "/v7/finance/quote"


@dataclass(frozen=True)
class Counters:
    """What happened since the start."""

    connections: int
    """Connections that sent a request, sockets included."""
    open: int
    """Connections open now."""
    requests: int
    """Requests, of any path."""
    quote_requests: int
    """Requests for quotes."""
    events: int
    """Price changes in the market."""
    watched: int = 0
    """Price changes that clients could see. The first price of each symbol counts as one."""
    sockets: int = 0
    """Sockets open now."""
    sent: int = 0
    """Messages sent through sockets."""


Interference = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""Called before each request: returns an answer, or `None` to let the exchange answer."""


class Exchange:
    """Serves `quotes` at `host`:`port` from `start()` to `stop()`; port 0 takes a free one.

    If `listening` is given, it serves this socket instead, and closes it. `faults` are on from the
    start, each `NAME[:SHARE]`; `exchange.faults.switch` changes them. `fault` lets tests answer
    instead. `clock` returns µs since the epoch.
    """

    def __init__(
        self,
        quotes: Market | SavedAnswers,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        faults: Iterable[str] = (),
        fault: Interference | None = None,
        clock: Callable[[], int] = now,
        listening: socket.socket | None = None,
    ) -> None:
        self._listening = listening
        self._market = quotes if isinstance(quotes, Market) else None
        self._quotes = MarketAnswers(quotes) if isinstance(quotes, Market) else quotes
        self._host = host
        self._port = port
        self.faults = Faults(faults)
        """The faults on purpose."""
        self._fault = fault
        self._clock = clock
        self.streamer = Streamer(self._quotes, clock, self.faults)
        self._runner: web.AppRunner | None = None
        self._peers: WeakSet[asyncio.Transport] = WeakSet()
        self._connections = 0
        self._requests = 0
        self._quote_requests = 0

    async def start(self) -> tuple[str, int]:
        """Start to serve, and return host and port. Raises `CannotListen`."""
        app = web.Application(middlewares=[self._watch])
        app.on_response_prepare.append(_mark)
        Paths(self._quotes, self.faults, self._clock, self.streamer.serve).add_to(app.router)
        runner = web.AppRunner(
            app, access_log=None, logger=_log, handler_cancellation=True, shutdown_timeout=0.5
        )
        await runner.setup()
        try:
            if self._listening is None:
                await web.TCPSite(runner, self._host, self._port).start()
            else:
                await web.SockSite(runner, self._listening).start()
        except (OSError, OverflowError) as error:
            await runner.cleanup()
            why = _WHY.get(getattr(error, "errno", None)) or getattr(error, "strerror", None)
            raise CannotListen(self._host, self._port, why or str(error)) from error
        self._runner = runner
        self._quotes.look((), self._clock())  # the market begins now
        return self.address

    async def stop(self) -> None:
        """Close every connection, in about a second at most. Does nothing if already stopped."""
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
        """Return host and port. While it serves, these are the real ones, even for port 0."""
        if self._runner is None:
            return self._host, self._port
        host, port, *_ = self._runner.addresses[0]
        return str(host), int(port)

    def change(self, symbol: str, told: Mapping[str, Any] | None) -> None:
        """Set fields in the quotes of `symbol`, by Yahoo's names. `None`: show the market again.

        Subscribers get the change at once.
        """
        if isinstance(self._quotes, MarketAnswers):
            self._quotes.change(symbol, told)
        self.streamer.tell(again=True)

    @property
    def counters(self) -> Counters:
        """Return the counters as of now. This moves the market."""
        self.streamer.tell()
        self._quotes.look((), self._clock())
        server = self._runner.server if self._runner is not None else None
        return Counters(
            connections=self._connections,
            open=len(server.connections) if server is not None else 0,
            requests=self._requests,
            quote_requests=self._quote_requests,
            events=self._market.events if self._market is not None else 0,
            watched=self._market.watched if self._market is not None else 0,
            sockets=self.streamer.open,
            sent=self.streamer.sent,
        )

    @web.middleware
    async def _watch(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self._requests += 1
        self._quote_requests += request.path == _QUOTE
        if (peer := request.transport) is not None and peer not in self._peers:
            self._peers.add(peer)
            self._connections += 1
        self.streamer.tell()  # before this request moves the market
        if self._fault is not None and (answer := await self._fault(request)) is not None:
            return answer
        return await self.faults.answer(request, handler)


async def _mark(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_SIMULATED)
