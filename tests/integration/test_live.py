"""The exchange's socket as a source: every change is a tick, and each failure is reported and ends.

On an injected clock, over real sockets.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.weather import weather
from ticker import open_source
from ticker.errors import SourceUnreachable
from ticker.exchange import Exchange, Market
from ticker.health.reasons import Reason
from ticker.records import Quote
from ticker.units import MINUTE, SECOND

SYMBOLS = ("AAPL", "MSFT", "GC=F", "BTC-USD")


async def test_every_change_of_the_market_becomes_a_tick(tmp_path: Path) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        began = scene.clock.wall()
        await scene.polls(20)
        ticks = await scene.ticks()
        assert scene.exchange.counters.watched == len(ticks)
        seconds = scene.clock.elapsed() // SECOND
    market = Market(7)
    told: dict[str, list[float]] = {symbol: [] for symbol in SYMBOLS}
    for step in range(seconds + 1):
        for state in market.look(SYMBOLS, began + step * SECOND):
            prices = told[state.listing.symbol]
            if not prices or prices[-1] != state.price:
                prices.append(state.price)
    for symbol in SYMBOLS:
        kept = [tick.price for tick in ticks if tick.symbol == symbol]
        assert kept == told[symbol], (kept, told[symbol])
        assert all(tick.simulated and tick.source == "exchange-live" for tick in ticks)


async def test_a_flood_and_rough_numbers_bring_the_right_prices(tmp_path: Path) -> None:
    async with weather(tmp_path, SYMBOLS[:3], live=True) as scene:
        began = scene.clock.wall()
        scene.exchange.faults.switch("flood", "float32:0.5")
        await scene.polls(10)
        ticks = await scene.ticks()
        seconds = scene.clock.elapsed() // SECOND
    market = Market(7)
    told = {
        (state.listing.symbol, state.price)
        for step in range(seconds + 1)
        for state in market.look(SYMBOLS[:3], began + step * SECOND)
    }
    assert {(tick.symbol, tick.price) for tick in ticks} == told


async def test_names_and_closes_come_from_one_poll_and_then_only_the_socket(
    tmp_path: Path,
) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        await scene.polls(10)
        counters = scene.exchange.counters
        assert (counters.quote_requests, counters.sockets) == (1, 1)
        _, told, screen = await scene.seen()
        assert told == "healthy"
        assert screen.startswith("The exchange live, last checked ")
        assert "4 of 4 answered" in screen


async def test_a_cut_off_socket_leaves_a_gap_and_is_connected_and_subscribed_again(
    tmp_path: Path,
) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        await scene.polls(3)
        await scene.exchange.streamer.close()
        before = len(await scene.ticks())
        await scene.polls(4)
        [gap] = await scene.gaps()
        assert gap.reason == "its socket was closed with code 1001"
        assert gap.symbols is None
        assert gap.until is not None
        assert gap.from_ is not None
        assert gap.until - gap.from_ <= 3 * SECOND
        assert len(await scene.ticks()) > before
        assert (await scene.seen())[1] == "healthy"
        assert scene.exchange.counters.sockets == 1


@pytest.mark.processes
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("mute", "its socket sends nothing while prices move"),
        ("garbage", "its socket sends unreadable messages"),
    ],
)
async def test_a_nonsense_socket_is_reported_and_prices_come_by_polls(
    tmp_path: Path, fault: str, words: str
) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        await scene.polls(3)
        scene.exchange.faults.switch(fault)
        began = scene.clock.wall()
        await scene.polls(5)
        line, told, screen = await scene.seen()
        for each in (line, told, screen):
            assert words in each
        assert set((await scene.reasons()).values()) <= {
            Reason.FRESH,
            Reason.UNCHANGED,
            Reason.DELAYED,
        }
        before = len(await scene.ticks())
        await scene.polls(10)
        assert len(await scene.ticks()) > before + 10  # polled at the polled pace
        scene.exchange.faults.switch()
        await scene.polls(2)
        assert (await scene.seen())[1] == "healthy"
        [gap] = await scene.gaps()
        assert words in gap.reason
        assert gap.from_ is not None
        assert began - SECOND <= gap.from_ <= began
        assert gap.until is not None
        assert gap.until - began <= 6 * SECOND


@pytest.mark.parametrize(
    "fault", ["429", "html", "5xx", "crumb", "consent", "truncated", "missing:1", "reset"]
)
async def test_the_socket_continues_while_polls_fail(tmp_path: Path, fault: str) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        await scene.polls(2)
        scene.exchange.faults.switch(fault)
        before = len(await scene.ticks())
        await scene.polls(8)
        assert len(await scene.ticks()) > before + 8
        assert (await scene.seen())[1] == "healthy"
        await scene.exchange.streamer.close()
        await scene.polls(4)
        assert (await scene.seen())[1] == "healthy"
        assert scene.exchange.counters.sockets == 1


@pytest.mark.processes
async def test_a_socket_that_is_always_closed_is_reported_and_tried_less_often(
    tmp_path: Path,
) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        await scene.polls(2)
        scene.exchange.faults.switch("close")
        await scene.exchange.streamer.close()
        attempts: list[int] = []
        connections = scene.exchange.counters.connections
        await scene.polls(2)
        line, told, screen = await scene.seen()
        for each in (line, told, screen):
            assert "its socket was closed" in each
            assert ", so prices are polled. Next try in " in each
        while scene.clock.elapsed() < 10 * MINUTE:
            await scene.polls()
            if (now := scene.exchange.counters.connections) != connections:
                connections = now
                attempts.append(scene.clock.elapsed())
        assert all(later - earlier >= SECOND for earlier, later in pairwise(attempts))
        assert len(attempts) < 25
        before = len(await scene.ticks())
        scene.exchange.faults.switch()
        await scene.polls(75)  # the longest time between two attempts
        assert (await scene.seen())[1] == "healthy"
        assert len(await scene.ticks()) > before + 75


async def test_a_socket_that_works_again_ends_a_rate_limit_of_the_polls_behind_it(
    tmp_path: Path,
) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        await scene.polls(2)
        scene.exchange.faults.switch("429", "close")
        await scene.exchange.streamer.close()
        await scene.polls(3)
        for each in await scene.seen():
            assert "too many requests" in each
        scene.exchange.faults.switch("429")
        until = scene.clock.elapsed() + 10 * SECOND
        while (await scene.seen())[1] != "healthy":
            await scene.polls()
        assert scene.clock.elapsed() < until


async def test_a_silent_socket_is_reported_even_while_polls_fail(
    tmp_path: Path,
) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        await scene.polls(2)
        scene.exchange.faults.switch("429", "mute")
        await scene.polls(6)
        for each in await scene.seen():
            assert "its socket sends nothing, and a poll failed: too many requests" in each
        assert not await scene.gaps()
        scene.exchange.faults.switch()
        await scene.polls(2)
        assert (await scene.seen())[1] == "healthy"
        [gap] = await scene.gaps()
        assert gap.reason == "its socket sends nothing, and a poll failed: too many requests"
        assert (gap.until or 0) - (gap.from_ or 0) >= 6 * SECOND


async def test_a_dead_socket_that_was_never_closed_is_found_by_its_ping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        await scene.polls(2)
        scene.exchange.faults.switch("mute")
        link: Any = scene.source._link  # type: ignore[union-attr]

        async def no_pong() -> bool:
            return False

        monkeypatch.setattr(link, "is_alive", no_pong)
        await scene.polls(2)
        assert scene.source._link is not link  # type: ignore[union-attr]
        scene.exchange.faults.switch()
        await scene.polls(3)
        assert [gap.reason for gap in await scene.gaps()] == ["its socket answers no ping"]
        assert (await scene.seen())[1] == "healthy"


@pytest.mark.processes
async def test_short_lived_sockets_are_not_reopened_at_every_poll(tmp_path: Path) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        await scene.polls(2)
        opened = 0
        until = scene.clock.elapsed() + 10 * MINUTE
        while scene.clock.elapsed() < until:
            if scene.exchange.counters.sockets:
                opened += 1
                await scene.exchange.streamer.close()
            await scene.polls()
        assert opened < 40


async def test_symbols_are_subscribed_and_unsubscribed_while_it_runs(tmp_path: Path) -> None:
    async with weather(tmp_path, ["AAPL"], live=True) as scene:
        await scene.polls(2)
        scene.poller.add(["GC=F"])
        scene.poller.remove(["AAPL"])
        await scene.polls(2)
        before = len(await scene.ticks())
        await scene.polls(6)
        since = (await scene.ticks())[before:]
        assert {tick.symbol for tick in since} == {"GC=F"}


async def test_a_quiet_market_is_not_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        await scene.polls(2)
        scene.exchange.faults.switch("mute")
        monkeypatch.setattr(scene.exchange._quotes, "look", lambda *_: [])
        requests = scene.exchange.counters.quote_requests
        await scene.polls(100)
        assert (await scene.seen())[0].startswith("exchange live: ok")
        assert scene.exchange.counters.quote_requests - requests < 8


async def test_a_flood_of_messages_repeats_no_tick_and_ends_at_the_latest_prices(
    tmp_path: Path,
) -> None:
    async with weather(tmp_path, SYMBOLS, live=True) as scene:
        await scene.polls(2)
        scene.exchange.faults.switch("flood")
        await scene.polls(30)
        ticks = await scene.ticks()
        for symbol in SYMBOLS:
            prices = [tick.price for tick in ticks if tick.symbol == symbol]
            assert all(price != before for before, price in pairwise(prices))
        line, _, _ = await scene.seen()
        assert "ok" in line
        scene.exchange.faults.switch()
        await scene.polls(2)
        assert (await scene.seen())[1] == "healthy"
        known = scene.source._known.quotes  # type: ignore[union-attr]
        latest = {tick.symbol: tick.price for tick in await scene.ticks()}
        assert latest == {symbol: known[symbol].price for symbol in SYMBOLS}


async def test_too_many_quotes_are_reduced_to_the_latest_per_symbol_and_reported() -> None:
    source: Any = open_source("exchange-live")
    for price in range(1, 10_002):
        source._known.put(Quote("AB"[price % 2], "exchange-live", price, price, float(price)))
    assert {quote.price for quote in source.take()} == {10_000.0, 10_001.0}
    answer = source._answer(["A", "B"])
    assert answer.problem == "its socket sends too much: 9,999 messages skipped"
    assert source._answer(["A", "B"]).problem is None


async def test_a_redirection_of_the_socket_is_not_followed() -> None:
    async with Exchange(Market(1), port=0, fault=_redirect) as exchange:
        host, port = exchange.address
        async with open_source(f"exchange-live:{host}:{port}") as source:
            async with asyncio.timeout(20):
                answer = await source.quotes(["AAPL"])
            assert answer.problem is not None
            assert answer.problem.startswith("refuses its socket (HTTP 302), so prices are")


async def _redirect(request: Any) -> Any:
    from aiohttp import web

    if "Upgrade" not in request.headers:
        return None
    return web.Response(status=302, headers={"Location": "ws://127.0.0.1:9/"})


async def test_a_closed_port_is_reported_as_unreachable() -> None:
    async with open_source("exchange-live:1") as source:
        with pytest.raises(SourceUnreachable, match="no connection at"):
            await source.quotes(["AAPL"])
