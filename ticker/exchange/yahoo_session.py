"""Redirects requests for Yahoo to an exchange.

`YahooSession` sends requests for Yahoo's hosts to an exchange, and refuses all others.
`yfinance_through` lets yfinance use it, so that programs built on yfinance run offline. An
exchange's cookies are not kept: yfinance would store them on disk, and send them to Yahoo later.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

_YAHOO: Final = (".yahoo.com", ".yimg.com")
_COOKIE: Final = "A3=offline"


class YahooSession(requests.Session):
    """A `requests.Session`. `server` is the exchange's `HOST:PORT`.

    Raises `requests.ConnectionError` for a host that is not Yahoo's, before anything is sent.
    """

    def __init__(self, server: str) -> None:
        super().__init__()
        self.socket = f"ws://{server}/?version=2"
        """The URL of the exchange's socket."""
        self.trust_env = False  # a proxy would send requests elsewhere
        adapter = _Adapter(server)
        self.mount("https://", adapter)
        self.mount("http://", adapter)


@contextmanager
def yfinance_through(session: YahooSession) -> Iterator[None]:
    """Let yfinance use `session` until the block ends, even if its caller passes no session.

    yfinance has one client per process, which uses the last session that it was given. In the block
    it ignores all but a `YahooSession`. Its cached answers are deleted before and after. Its
    sockets connect to the exchange unless they are given another address.
    """
    client, live = import_module("yfinance.data").YfData(), import_module("yfinance.live")
    sockets = [each.__init__ for each in (live.WebSocket, live.AsyncWebSocket)]
    addresses = [each.__defaults__ for each in sockets]
    state = vars(client)
    before = {**state}

    def take(given: object) -> None:
        if isinstance(given, YahooSession):
            state["_session"] = given

    state.update(_session=session, _set_session=take, _cookie=None, _crumb=None)
    for each in sockets:
        each.__defaults__ = (session.socket, *each.__defaults__[1:])
    client.cache_get.cache_clear()
    try:
        yield
    finally:
        del state["_set_session"]
        state.update(before)
        for each, there in zip(sockets, addresses, strict=True):
            each.__defaults__ = there
        client.cache_get.cache_clear()


class _Adapter(HTTPAdapter):
    def __init__(self, server: str) -> None:
        super().__init__()
        self._server = server

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> Any:
        """Send `request` to the exchange. Only the server and the cookie are replaced."""
        url = request.url or ""
        parts = urlsplit(url)
        if not f".{parts.hostname or ''}".endswith(_YAHOO):
            raise requests.ConnectionError(
                f"{parts.hostname} is not Yahoo's: this session reaches only the offline exchange",
                request=request,
            )
        moved = request.copy()
        moved.url = urlunsplit(("http", self._server, parts.path, parts.query, ""))
        moved.headers["Cookie"] = _COOKIE
        response = super().send(moved, *args, **options | {"proxies": None, "verify": False})
        response.__class__ = _YahooResponse
        response.request, response.url = request, url
        response.headers.pop("Set-Cookie", None)
        # requests reads the cookies from here.
        original = getattr(response.raw, "_original_response", None)
        if original is not None:
            del original.msg["Set-Cookie"]
        return response


class _YahooResponse(requests.Response):
    """A response that raises an error which yfinance recognizes.

    yfinance reads a 404 as "no such symbol" only if the error is one of its preferred HTTP library.
    So the error belongs to both libraries.
    """

    def raise_for_status(self) -> None:
        """Raise an `HTTPError` for a status of 400 or more."""
        try:
            super().raise_for_status()
        except requests.HTTPError as error:
            preferred = getattr(sys.modules.get("yfinance._http"), "HTTPError", None)
            if preferred is None or isinstance(error, preferred):
                raise
            raised = type("HTTPError", (requests.HTTPError, preferred), {})(*error.args)
            raised.response, raised.request = self, self.request
            raise raised from None
