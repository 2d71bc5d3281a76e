# ruff: noqa: T201 - a bench prints its figures
"""What prices of Yahoo cost: by one batch of ours, and by yfinance's own calls. `-m bench -s`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.serving import serving
from ticker.exchange import Exchange, Market, companies
from ticker.sources import open_source

pytestmark = pytest.mark.bench

SOME = 50
"""So many symbols are asked for through yfinance, which takes each by itself."""


def delayed(seconds: float) -> Any:
    async def wait(_: Any) -> None:
        await asyncio.sleep(seconds)

    return wait


def measured(exchange: Exchange, work: Callable[[], int]) -> tuple[int, float]:
    """Requests and seconds of `work`."""
    before, began = exchange.counters.requests, time.perf_counter()
    assert work() > 0
    return exchange.counters.requests - before, time.perf_counter() - began


@pytest.mark.parametrize("latency", [0.0, 0.1])
@pytest.mark.parametrize("count", [50, 500])
def test_one_batch_costs_a_fiftieth_of_the_requests(count: int, latency: float) -> None:
    symbols = [listing.symbol for listing in companies(count)]
    market = Market(7, listings=companies(count))
    exchange = Exchange(market, port=0, fault=delayed(latency) if latency else None)
    with serving(exchange) as (host, port):
        source = open_source(f"exchange:{host}:{port}")
        loop = asyncio.new_event_loop()

        def ours() -> int:
            return len(loop.run_until_complete(source.quotes(symbols)).quotes)

        ours()  # cookie and crumb
        requests, seconds = measured(exchange, ours)
        loop.run_until_complete(source.close())
        loop.close()
        import yfinance

        from ticker.sources.http_session import BoundedSession

        session = BoundedSession(f"{host}:{port}")
        session.allow(600)

        def fast_info() -> int:
            tickers = [yfinance.Ticker(symbol, session=session) for symbol in some]
            return len([ticker.fast_info["lastPrice"] for ticker in tickers])

        def download() -> int:
            frame = yfinance.download(
                some, period="1d", interval="1m", session=session, progress=False,
                auto_adjust=False, threads=False,
            )  # fmt: skip
            return len(frame)

        some = symbols[:1]
        fast_info()
        some = symbols[:SOME]
        others = {"fast_info": measured(exchange, fast_info)}
        others["download"] = measured(exchange, download)
    print(f"\n{count} symbols, {latency * 1e3:.0f} ms: ours {requests} requests, {seconds:.2f} s")
    for name, (asked, lasted) in others.items():
        whole = count // SOME
        print(f"  yfinance {name}: {asked * whole} requests, {lasted * whole:.2f} s")
        assert asked * whole >= 50 * requests
        assert lasted * whole > 3 * seconds
