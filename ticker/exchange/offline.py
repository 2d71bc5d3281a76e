"""Yahoo for other people's tests: `with ticker.exchange(seed=7) as yahoo:`.

The exchange serves from a thread of its own, in this process, on a free port of loopback. It
answers from the beginning of the block, and works inside a running event loop. Nothing of it
remains after the block. Inside the block, yfinance asks no other host. All prices are invented.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from inspect import signature
from types import ModuleType
from typing import Any, Final

from ticker.errors import UsageError
from ticker.exchange.invented_companies import MOST, listings
from ticker.exchange.market import Market
from ticker.exchange.server import Counters, Exchange
from ticker.exchange.sessions import SessionWish
from ticker.exchange.yahoo_session import YahooSession, yfinance_through
from ticker.system_clock import now
from ticker.units import SECOND

_FASTEST: Final = 0.001
"""The shortest time between two moves (s)."""


class OfflineYahoo:
    """A running exchange."""

    def __init__(
        self,
        exchange: Exchange,
        market: Market,
        clock: Callable[[], int],
        there: Callable[[Callable[[], Any]], Any],
    ) -> None:
        """`there` calls a function in the thread of the exchange, and returns its result."""
        host, port = exchange.address
        self.url = f"http://{host}:{port}"
        """The URL at which it answers as Yahoo does."""
        self.source = f"exchange:{host}:{port}"
        """What `ticker.open_source` and `--source` take."""
        self.session = YahooSession(f"{host}:{port}")
        """A `requests.Session` that sends requests for Yahoo's hosts here, and refuses all others.

        yfinance uses it automatically.
        """
        self.socket = self.session.socket
        """The URL of its socket. yfinance connects to it automatically."""
        self._exchange = exchange
        self._market = market
        self._clock = clock
        self._there = there

    @property
    def counters(self) -> Counters:
        """Return what happened since the start."""
        counters: Counters = self._there(lambda: self._exchange.counters)
        return counters

    def fail(self, *faults: str) -> None:
        """Set these faults, each `NAME[:SHARE]`, and clear all others.

        Names are those of `ticker exchange --fault`. Raises `UsageError` for any other text.
        """
        self._exchange.faults.switch(*faults)

    def set(
        self,
        symbol: str,
        price: float | None = None,
        *,
        previous_close: float | None = None,
        **fields: Any,
    ) -> None:
        """Hold `symbol` at `price`, in quotes, charts and the socket alike.

        Without `price`, it stays where it is. A symbol that is not listed is listed at `price`.
        `fields` are set in its quotes, by Yahoo's names: `marketState="CLOSED"`, `bid=None` (left
        out). Raises `UsageError` for an invalid price, or if an unlisted symbol has none.
        """

        def change() -> None:
            name = symbol.upper()
            self._market.hold(name, self._clock(), price=price, previous_close=previous_close)
            self._exchange.change(name, fields)

        self._there(change)

    def resume(self, symbol: str) -> None:
        """Let `symbol` move again, and drop its `fields`. Raises `UsageError` if it is unlisted."""

        def change() -> None:
            self._market.release(symbol.upper())
            self._exchange.change(symbol.upper(), None)

        self._there(change)

    def delist(self, symbol: str) -> None:
        """Remove `symbol`, as if Yahoo did not know it. Raises `UsageError` if it is not listed."""
        self._there(lambda: self._market.delist(symbol.upper()))


@contextmanager
def exchange(
    *,
    seed: int = 7,
    faults: Iterable[str] = (),
    symbols: int | None = None,
    every: float = 1.0,
    session: str = "regular",
    clock: Callable[[], int] = now,
) -> Iterator[OfflineYahoo]:
    """Serve Yahoo's interfaces with invented prices, until the block ends.

        with ticker.exchange(seed=7, faults=["429:0.1"]) as yahoo:
            yf.Ticker("AAPL").history(period="5d")

    The same `seed` gives the same prices. `every` is the time between moves (s). `symbols` is the
    number of symbols (`None`: the catalogue and the rarities). `session` is `regular`, `closed`,
    `pre`, `post` or `auto` (by the clock). `clock` returns µs since the epoch, UTC. Raises
    `UsageError` for invalid arguments.
    """
    market = _market(seed, faults, symbols, every, session)
    serving = Exchange(market, port=0, faults=faults, clock=clock)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="ticker-exchange", daemon=True)
    thread.start()

    def await_there(what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, loop).result()

    async def called(what: Callable[[], Any]) -> Any:
        return what()

    try:
        await_there(serving.start())
        yahoo = OfflineYahoo(serving, market, clock, lambda what: await_there(called(what)))
        try:
            with yahoo.session, yfinance_through(yahoo.session):
                yield yahoo
        finally:
            await_there(serving.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _market(
    seed: int, faults: Iterable[str], symbols: int | None, every: float, session: str
) -> Market:
    """Make the market. Raises `UsageError` for invalid arguments."""
    if isinstance(faults, str):  # it would be read as a list of letters
        raise UsageError(f'exchange: expected a list of faults, like ["429"], not {faults!r:.60}')
    if session not in [*SessionWish]:
        raise UsageError(f"exchange: expected a session of {', '.join(SessionWish)}: {session!r}")
    if symbols is not None and not 1 <= symbols <= MOST:
        raise UsageError(f"exchange: symbols={symbols!r}: expected 1 to {MOST:,}")
    if not every >= _FASTEST:
        raise UsageError(f"exchange: every={every!r}: expected seconds, {_FASTEST:g} or more")
    return Market(
        seed, listings=listings(symbols), every=round(every * SECOND), wish=SessionWish(session)
    )


class CallableModule(ModuleType):
    """The type of the module `ticker.exchange`, which makes it callable like the function."""

    __signature__ = signature(exchange)

    def __call__(self, **options: Any) -> Any:
        """See `exchange`."""
        return exchange(**options)
