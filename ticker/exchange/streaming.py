"""The exchange's socket: sends each subscriber each change, as Yahoo's streamer does.

It sends the present state when a client subscribes, then one message for each change. A client that
does not read blocks no other client. If too many messages wait for a client, only the latest of
each symbol is kept. Without subscriptions, the market is not asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import WSMsgType, web

from ticker.exchange.answers import Answers
from ticker.exchange.faults import Fault, Faults
from ticker.exchange.pricing import message
from ticker.units import SECOND

_MAX_BYTES: Final = 1_000_000
_MAX_SYMBOLS: Final = 10_000
"""The most symbols of one client's subscription."""
_WAITING: Final = 20_000
"""If more messages wait for a client, only the latest per symbol is kept."""
_LATE: Final = 100
"""The most missed moves of the market that are sent one by one after a delay."""


class _Subscriber:
    """One client, its symbols, and the messages that wait for it."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.symbols: dict[str, None] = {}
        self.waiting: list[tuple[str, str]] = []
        """Symbol and message."""
        self.news = asyncio.Event()

    def put(self, symbol: str, text: str) -> None:
        """Queue `text`. If too many wait, only the latest of each symbol is kept."""
        self.waiting.append((symbol, text))
        if len(self.waiting) > _WAITING:
            self.waiting = [*dict(self.waiting).items()]
        self.news.set()


class Streamer:
    """All sockets of one exchange. `clock` returns µs since the epoch."""

    def __init__(self, entries: Answers, clock: Callable[[], int], faults: Faults) -> None:
        self._entries = entries
        self._clock = clock
        self._faults = faults
        self._subscribers: set[_Subscriber] = set()
        self._told: dict[str, Any] = {}
        self._step: int | None = None
        """The last move of the market that was sent."""
        self._task: asyncio.Task[None] | None = None
        self.sent = 0
        """Messages sent so far."""

    @property
    def open(self) -> int:
        """Return the number of open sockets."""
        return len(self._subscribers)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until it leaves."""
        # The messages are base64: compressing costs more than it saves.
        socket = web.WebSocketResponse(max_msg_size=_MAX_BYTES, timeout=1.0, compress=False)
        await socket.prepare(request)
        subscriber = _Subscriber(socket)
        self._subscribers.add(subscriber)
        sending = asyncio.create_task(self._send(subscriber))
        if self._task is None:
            self._task = asyncio.create_task(self._tell_for_ever())
        try:
            async for received in socket:
                if received.type is WSMsgType.TEXT:
                    self._obey(subscriber, received.data)
                if self._faults.is_due(Fault.CLOSE):
                    await socket.close()
        finally:
            self._subscribers.discard(subscriber)
            sending.cancel()
            if not self._subscribers and self._task is not None:
                self._task.cancel()
                self._task = self._step = None
                self._told.clear()
        return socket

    async def close(self) -> None:
        """Close all sockets properly."""
        for subscriber in [*self._subscribers]:
            await subscriber.socket.close(code=1001, message=b"the exchange ends")

    def tell(self, *, again: bool = False) -> None:
        """Send the changes since the last call to the subscribers of each symbol.

        If this is called late, the last `_LATE` missed moves are sent one by one. `again=True`
        sends changes even if the market has not moved since the last call.
        """
        wanted = dict.fromkeys(s for each in self._subscribers for s in each.symbols)
        now, every = self._clock(), self._entries.every
        step = now // every
        if not wanted or (step == self._step and not again):
            return
        first = step if self._step is None else max(self._step + 1, step - _LATE)
        self._step = step
        for at in (*(each * every for each in range(first, step)), now):
            for entry in self._entries.look(wanted, at):
                symbol = entry["symbol"]
                if entry != self._told.get(symbol):
                    self._told[symbol] = entry
                    text = self._message(entry)
                    for each in self._subscribers:
                        if symbol in each.symbols:
                            each.put(symbol, text)

    def _message(self, entry: Mapping[str, Any]) -> str:
        return message(entry, is_rough=self._faults.is_due(Fault.FLOAT32))

    def _obey(self, subscriber: _Subscriber, text: str) -> None:
        """Handle `{"subscribe": ["AAPL"]}` or `unsubscribe`. Ignore all else, as Yahoo does."""
        try:
            order = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.MsgspecError:
            return
        new = _symbols(order.get("subscribe"))
        room = _MAX_SYMBOLS - len(subscriber.symbols)
        subscriber.symbols |= dict.fromkeys(new[:room])
        for symbol in _symbols(order.get("unsubscribe")):
            subscriber.symbols.pop(symbol, None)
        for entry in self._entries.look(new[:room], self._clock()):
            self._told.setdefault(entry["symbol"], entry)
            subscriber.put(entry["symbol"], self._message(entry))

    async def _tell_for_ever(self) -> None:
        every = self._entries.every
        while True:
            await asyncio.sleep((every - self._clock() % every) / SECOND)
            self.tell()

    async def _send(self, subscriber: _Subscriber) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await subscriber.news.wait()
                subscriber.news.clear()
                waiting, subscriber.waiting = subscriber.waiting, []
                for _, text in waiting:
                    for told in self._faults.spoil(text):
                        await subscriber.socket.send_str(told)
                        self.sent += 1


def _symbols(value: object) -> list[str]:
    """Return the symbols in a client's order, each once. Ignore what is not a text."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return []
    return [*dict.fromkeys(each for each in value if isinstance(each, str))]
