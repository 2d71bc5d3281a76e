"""Faults on purpose: Yahoo's failures, which can be switched on and off.

Failures are spread evenly and are repeatable: of ten requests at a share of 0.3, the same three
fail each time. Requests for cookie and crumb never fail. It knows HTTP, but no market.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, Self
from zlib import crc32

import msgspec
from aiohttp import web

from ticker.errors import UsageError

_SLOW: Final = 60.0
"""How long a slow answer takes (seconds): longer than clients wait."""

_DATA: Final = (
    *("/v7/finance/", "/v8/finance/", "/v1/finance/", "/v10/finance/"),
    "/ws/fundamentals-timeseries/",
)
_CONSENT: Final = "https://consent.yahoo.com/v2/collectConsent?sessionId=offline"
_PAGE: Final = "<!doctype html><html><title>Yahoo</title><p>Will be right back...</html>"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Fault(StrEnum):
    """A failure that Yahoo's users meet."""

    TOO_MANY = "429"
    CRUMB = "crumb"
    """The crumb is refused, and every new crumb too."""
    CONSENT = "consent"
    """The answer redirects to the page that asks for consent to cookies."""
    HTML = "html"
    TRUNCATED = "truncated"
    """The first half of an answer, with status 200."""
    MISSING = "missing"
    """Symbols are missing from the answer; the share is that of the symbols."""
    SLOW = "slow"
    RESET = "reset"
    """The connection is reset."""
    TROUBLE = "5xx"
    MUTE = "mute"
    """The socket stays open, but does not send this share of its messages."""
    CLOSE = "close"
    """The socket is closed properly after this share of its client's messages."""
    GARBAGE = "garbage"
    """This share of the socket's messages cannot be read."""
    FLOOD = "flood"
    """This share of the socket's messages is sent many times."""
    FLOAT32 = "float32"
    """In this share of the socket's messages, prices have the errors of 32-bit sums."""

    @classmethod
    def read(cls, text: object) -> tuple[Self, float]:
        """Parse `NAME[:SHARE]` or the number 429 to fault and share. Raises `UsageError`."""
        name, colon, share = str(text).partition(":")
        if name not in cls._value2member_map_:
            raise UsageError(f"{name!r} is not a fault: expected one of {', '.join(cls)}")
        fault = cls(name)
        if not colon:
            return fault, 0.5 if fault is cls.MISSING else 1.0
        try:
            number = float(share)
        except ValueError:
            number = -1
        if not 0 < number <= 1:
            raise UsageError(f"{text!r}: a share is a number above 0, up to 1, as in {name}:0.5")
        return fault, number


_APART: Final = frozenset({
    Fault.MISSING, Fault.MUTE, Fault.CLOSE, Fault.GARBAGE, Fault.FLOOD, Fault.FLOAT32
})  # fmt: skip
"""Faults of symbols and of the socket, not of a whole HTTP answer."""
_FLOOD: Final = 200
"""How many times each message of a flood is sent."""
_GARBAGE: Final = '{"type":"pricing","message":"bm8gbWVzc2FnZQ"}'


class Faults:
    """The faults of one exchange. Any thread may switch them while it serves."""

    def __init__(self, faults: Iterable[str] = ()) -> None:
        """`faults`: as in `switch`."""
        self.on: Mapping[Fault, float] = {}
        """The active faults and their shares."""
        self._owed: dict[Fault, float] = {}
        self.switch(*faults)

    def switch(self, *faults: str) -> None:
        """Set the faults, each `NAME[:SHARE]`, and clear all others.

        `SHARE` is the part of the requests or of the socket's messages, by default 1. For `missing`
        it is the part of the symbols, by default 0.5. Raises `UsageError` for an unknown fault or
        an invalid share, and then changes nothing.
        """
        self.on = dict(map(Fault.read, faults))
        self._owed = {}

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Return the answer of `handler`, changed or replaced by the first fault that is due."""
        if not request.path.startswith(_DATA):
            return await handler(request)
        for fault in self.on:
            if fault not in _APART and self.is_due(fault):
                return await self._fail(fault, request, handler)
        return await handler(request)

    def is_due(self, fault: Fault) -> bool:
        """Count one request or message, and tell whether the fault hits it."""
        # The small addition keeps a rounding error from delaying a fault.
        owed = self._owed.get(fault, 0.0) + self.on.get(fault, 0.0) + 1e-9
        self._owed[fault] = owed % 1
        return owed >= 1

    def left(self, symbols: Iterable[str]) -> list[str]:
        """Return the `symbols` that are not missing. The same share hides the same symbols."""
        share = self.on.get(Fault.MISSING, 0.0)
        return [s for s in symbols if crc32(s.encode()) >= share * 2**32]

    def spoil(self, message: str) -> Sequence[str]:
        """Return what a socket sends instead of `message`."""
        if self.is_due(Fault.MUTE):
            return []
        if self.is_due(Fault.GARBAGE):
            return [_GARBAGE]
        return [message] * (_FLOOD if self.is_due(Fault.FLOOD) else 1)

    async def _fail(
        self, fault: Fault, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        match fault:
            case Fault.TOO_MANY:
                return web.Response(status=429, text="Too Many Requests\r\n")
            case Fault.CRUMB:
                return error("finance", 401, "Unauthorized", "Invalid Crumb")
            case Fault.CONSENT:
                return web.Response(status=302, headers={"Location": _CONSENT})
            case Fault.TRUNCATED:
                whole = getattr(await handler(request), "body", b"")
                return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
            case Fault.SLOW:
                await asyncio.sleep(_SLOW)
                return await handler(request)
            case Fault.RESET:
                _reset(request)
                return web.Response()
            case Fault.TROUBLE:
                return web.Response(status=502, text=_PAGE, content_type="text/html")
            case _:
                return web.Response(text=_PAGE, content_type="text/html")


def error(key: str, status: int, code: str, description: str) -> web.Response:
    """Return an error in Yahoo's format, under `key`."""
    body = {key: {"result": None, "error": {"code": code, "description": description}}}
    return json_answer(body, status)


def json_answer(body: object, status: int = 200) -> web.Response:
    """Return an answer with `body` as JSON."""
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        charset="utf-8",
    )


def _reset(request: web.Request) -> None:
    """Reset the connection instead of closing it properly."""
    transport = request.transport
    if transport is None:
        return
    lines: socket.socket = transport.get_extra_info("socket")
    lines.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
