"""Yahoo for other people's tests: `with ticker.exchange(seed=7) as yahoo:`.

The exchange serves from a thread of its own, in this process, on a free port of loopback. It
promises that it answers when the block begins, that it works where an event loop is running, and
that nothing is left of it after the block. Invented prices only.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from ticker.errors import UsageError
from ticker.exchange.invented import listings
from ticker.exchange.market import Market
from ticker.exchange.server import Counters, Exchange
from ticker.exchange.session import YahooSession
from ticker.system_clock import now
from ticker.units import SECOND


class OfflineYahoo:
    """An exchange that serves. `session` is for yfinance: `yf.Ticker("AAPL", session=…)`."""

    def __init__(self, exchange: Exchange) -> None:
        host, port = exchange.address
        self.url = f"http://{host}:{port}"
        """Where it answers as Yahoo does."""
        self.socket = f"ws://{host}:{port}/?version=2"
        """Its socket: `yf.WebSocket(url=…)`."""
        self.source = f"exchange:{host}:{port}"
        """What `ticker.open_source` and `--source` take."""
        self.session = YahooSession(f"{host}:{port}")
        """A `requests.Session` that sends Yahoo's hosts here, and refuses all others."""
        self._exchange = exchange

    @property
    def counters(self) -> Counters:
        """What happened since the start."""
        return self._exchange.counters

    def fail(self, *faults: str) -> None:
        """Have these faults, each `NAME[:SHARE]`, and no others; none: all is well again.

        Names are those of `ticker exchange --fault`. Raises `UsageError` for another one.
        """
        self._exchange.faults.switch(*faults)


@contextmanager
def exchange(
    *,
    seed: int = 7,
    faults: Iterable[str] = (),
    symbols: int | None = None,
    every: float = 1.0,
    clock: Callable[[], int] = now,
) -> Iterator[OfflineYahoo]:
    """Yahoo's interfaces with invented prices, until the block ends.

        with ticker.exchange(seed=7, faults=["429:0.1"]) as yahoo:
            yf.Ticker("AAPL", session=yahoo.session).history(period="5d")

    The same `seed` moves the same way; `every` is the time between moves (s); `symbols` is how many
    there are (`None`: the usual ones); `clock` gives µs since the epoch, UTC. Raises `UsageError`
    for a fault that there is not.
    """
    if isinstance(faults, str):  # a sequence too, of its letters
        raise UsageError(f'exchange: expected a list of faults, like ["429"], not {faults!r:.60}')
    market = Market(seed, listings=listings(symbols), every=round(every * SECOND))
    serving = Exchange(market, port=0, faults=faults, clock=clock)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="ticker-exchange", daemon=True)
    thread.start()

    def await_there(what: Any) -> None:
        asyncio.run_coroutine_threadsafe(what, loop).result()

    try:
        await_there(serving.start())
        yahoo = OfflineYahoo(serving)
        try:
            yield yahoo
        finally:
            yahoo.session.close()
            await_there(serving.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class CallableRoom(ModuleType):
    """The module `ticker.exchange`, which may be called: it has the name of the function."""

    def __call__(self, **options: Any) -> Any:
        """See `exchange`."""
        return exchange(**options)
