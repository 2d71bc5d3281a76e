"""One connection to the socket of Yahoo's streamer.

If it cannot be opened, one of ticker's own errors is raised. If it ends without `close`, `on_end`
is called once. It follows no redirect. If a server stands in for Yahoo, it connects without a
proxy. It does not reconnect, and does not read prices.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from base64 import b64decode
from collections.abc import Callable, Iterable
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from ticker.errors import SourceError, SourceUnreachable

YAHOO: Final = "wss://streamer.finance.yahoo.com/?version=2"

_MAX_BYTES: Final = 1_000_000


class _Straight(connect):
    """A connection that follows no redirect."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Link:
    """A connection to `server` (`HOST:PORT`; `None`: Yahoo), for the source called `name`.

    `on_message` gets each message; `None` for one that cannot be read. `on_end` gets the reason if
    the connection ends by itself. `within` limits connecting and each ping (s).
    """

    def __init__(
        self,
        name: str,
        server: str | None,
        *,
        within: float,
        on_message: Callable[[Any], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._name = name
        self._server = server
        self._within = within
        self._on_message = on_message
        self._on_end = on_end
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, symbols: Iterable[str]) -> None:
        """Connect, subscribe to `symbols`, and wait for a ping's answer. Raises `SourceError`."""
        url = YAHOO if self._server is None else f"ws://{self._server}/?version=2"
        try:
            async with asyncio.timeout(self._within):
                self._socket = await _Straight(
                    url,
                    proxy=True if self._server is None else None,
                    open_timeout=None,
                    ping_interval=None,  # our own ping tells a dead socket from a quiet market
                    close_timeout=1,
                    max_size=_MAX_BYTES,
                )
            self._reading = asyncio.create_task(self._read(self._socket))
            await self.subscribe(symbols)
        except InvalidStatus as error:
            status = error.response.status_code
            raise SourceError(self._name, f"refuses its socket (HTTP {status})") from error
        except TimeoutError:
            problem = f"no socket within {self._within:g} s"
            raise SourceUnreachable(self._name, problem) from None
        except (OSError, WebSocketException) as error:
            where = f" at {self._server}" if self._server else ""
            raise SourceUnreachable(self._name, f"no connection{where}", self._server) from error
        if not await self.is_alive():
            raise SourceUnreachable(self._name, "its socket was closed at once")

    async def subscribe(self, symbols: Iterable[str]) -> None:
        """Subscribe to `symbols` too. Earlier subscriptions stay."""
        await self._say("subscribe", symbols)

    async def unsubscribe(self, symbols: Iterable[str]) -> None:
        """End the subscription to `symbols`."""
        await self._say("unsubscribe", symbols)

    async def is_alive(self) -> bool:
        """Tell whether the server answers a ping within the limit."""
        if self._socket is None:
            return False
        try:
            async with asyncio.timeout(self._within):
                await (await self._socket.ping())
        except (ConnectionClosed, TimeoutError, OSError):
            return False
        return True

    async def close(self) -> None:
        """Close the connection, in about a second at most."""
        if self._reading is not None:
            self._reading.cancel()
        if self._socket is not None:
            with contextlib.suppress(WebSocketException, OSError):
                await self._socket.close()

    async def _say(self, what: str, symbols: Iterable[str]) -> None:
        if self._socket is not None and (listed := list(symbols)):
            with contextlib.suppress(ConnectionClosed):  # `_read` reports it
                await self._socket.send(json.dumps({what: listed}))

    async def _read(self, socket: ClientConnection) -> None:
        from google.protobuf.message import DecodeError
        from yfinance.pricing_pb2 import PricingData

        try:
            while True:
                text = await socket.recv()
                try:
                    told = json.loads(text)["message"]
                    message = PricingData.FromString(b64decode(told, validate=True))
                except (ValueError, TypeError, LookupError, RecursionError, DecodeError):
                    message = None
                self._on_message(message)
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd is not None else None
            self._on_end(
                "its socket broke" if code is None else f"its socket was closed with code {code}"
            )
