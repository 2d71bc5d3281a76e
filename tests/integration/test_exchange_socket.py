"""The exchange's socket, as Yahoo's streamer: plain clients, and yfinance's own."""

from __future__ import annotations

import asyncio
import json
import threading
from base64 import b64decode
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK

from tests.serving import serving
from ticker.exchange import Exchange, Market
from ticker.exchange.streaming import _WAITING, _Subscriber
from ticker.units import SECOND

NOON = 1_795_435_200_000_000


def url(exchange: Exchange) -> str:
    host, port = exchange.address
    return f"ws://{host}:{port}/?version=2"


async def received(socket: ClientConnection, count: int) -> list[Any]:
    from yfinance.pricing_pb2 import PricingData

    found: list[Any] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            told = json.loads(await socket.recv())
            assert told["type"] == "pricing"
            found.append(PricingData.FromString(b64decode(told["message"])))
    return found


async def test_a_subscriber_gets_the_present_state_and_then_each_change() -> None:
    now = NOON
    async with (
        Exchange(Market(7), port=0, clock=lambda: now) as exchange,
        connect(url(exchange), proxy=None) as socket,
    ):
        assert socket.response is not None
        assert socket.response.headers["Ticker-Simulated"] == "1"
        await socket.send(json.dumps({"subscribe": ["AAPL", "NOPE", "BTC-USD"]}))
        apple, coin = await received(socket, 2)
        assert (apple.id, apple.time, apple.market_hours) == ("AAPL", NOON // 1_000, 1)
        assert apple.quote_type == 8
        assert apple.price_hint == 2
        assert (coin.id, coin.currency, coin.bid) == ("BTC-USD", "USD", 0)
        told = []
        for _ in range(5):
            now += SECOND
            exchange.streamer.tell()
            told += await received(socket, 1)
        assert len({(change.id, change.time) for change in told}) == 5
        assert exchange.counters.sockets == 1
        assert exchange.counters.sent >= 7


async def test_an_unsubscribed_symbol_sends_nothing_and_nonsense_is_skipped() -> None:
    now = NOON
    async with (
        Exchange(Market(7), port=0, clock=lambda: now) as exchange,
        connect(url(exchange), proxy=None, close_timeout=0.1) as socket,
    ):
        for words in ("hello", "[1]", '{"subscribe": 5}', '{"subscribe": [[]]}', '{"x": 1}'):
            await socket.send(words)
        await socket.send(json.dumps({"subscribe": ["AAPL", "GC=F"]}))
        await received(socket, 2)
        await socket.send(json.dumps({"unsubscribe": ["AAPL"]}))
        await socket.send(json.dumps({"subscribe": ["BTC-USD"]}))
        assert [told.id for told in await received(socket, 1)] == ["BTC-USD"]
        for _ in range(20):
            now += SECOND
            exchange.streamer.tell()
            await asyncio.sleep(0)
        assert {told.id for told in await received(socket, 4)} == {"GC=F", "BTC-USD"}


async def test_the_end_of_the_exchange_closes_the_sockets_cleanly() -> None:
    exchange = Exchange(Market(7), port=0)
    await exchange.start()
    async with connect(url(exchange), proxy=None) as socket:
        await exchange.stop()
        with pytest.raises(ConnectionClosedOK):
            await socket.recv()


async def test_late_moves_are_sent_one_by_one_before_a_poll_skips_them() -> None:
    now = NOON
    async with (
        Exchange(Market(7), port=0, clock=lambda: now) as exchange,
        connect(url(exchange), proxy=None) as socket,
    ):
        await socket.send(json.dumps({"subscribe": ["BTC-USD"]}))
        (first,) = await received(socket, 1)
        exchange.streamer.tell()
        now += 30 * SECOND
        moved = exchange.counters.watched - 1
        told = await received(socket, moved)
        times = [change.time for change in told]
        assert times == sorted(set(times))
        prices = [first.price, *(change.price for change in told)]
        assert all(one != other for one, other in pairwise(prices))
        assert moved > 20


async def test_a_client_that_does_not_read_keeps_the_latest_of_each_symbol() -> None:
    subscriber = _Subscriber(web.WebSocketResponse())
    for number in range(_WAITING + 1):
        subscriber.put(f"S{number % 3}", str(number))
    assert subscriber.waiting == [("S0", "19998"), ("S1", "19999"), ("S2", "20000")]


async def test_a_socket_fails_on_request() -> None:
    async with Exchange(Market(7), port=0, clock=lambda: NOON) as exchange:
        exchange.faults.switch("garbage")
        async with connect(url(exchange), proxy=None) as socket:
            await socket.send(json.dumps({"subscribe": ["AAPL"]}))
            assert json.loads(await socket.recv())["message"] == "bm8gbWVzc2FnZQ"
        exchange.faults.switch("flood")
        async with connect(url(exchange), proxy=None, max_queue=None) as socket:
            await socket.send(json.dumps({"subscribe": ["AAPL"]}))
            flood = await received(socket, 200)
            assert {(told.id, told.price) for told in flood[:200]} == {("AAPL", flood[0].price)}
        exchange.faults.switch("float32")
        async with connect(url(exchange), proxy=None) as socket:
            (exact,) = exchange._quotes.look(["AAPL"], 0)
            await socket.send(json.dumps({"subscribe": ["AAPL"]}))
            (off,) = await received(socket, 1)
            price = exact["regularMarketPrice"]
            assert 0 < abs(off.price - price) < 1e-4
        exchange.faults.switch("mute:0.5")
        async with connect(url(exchange), proxy=None) as socket:
            await socket.send(json.dumps({"subscribe": ["AAPL", "MSFT", "GC=F", "SPY"]}))
            assert [told.id for told in await received(socket, 2)] == ["AAPL", "GC=F"]
        exchange.faults.switch("close")
        async with connect(url(exchange), proxy=None) as socket:
            await socket.send(json.dumps({"subscribe": ["AAPL"]}))
            await socket.wait_closed()
            assert socket.close_code == 1000


def test_the_websocket_of_yfinance_works_unchanged() -> None:
    import yfinance

    told: list[dict[str, Any]] = []
    enough = threading.Event()
    exchange = Exchange(Market(7, every=SECOND // 20), port=0)
    with serving(exchange):
        client = yfinance.WebSocket(url=url(exchange), verbose=False)
        client.subscribe(["AAPL", "GC=F"])

        def hear(message: dict[str, Any]) -> None:
            told.append(message)
            if len(told) >= 10:
                enough.set()

        thread = threading.Thread(target=client.listen, args=(hear,), daemon=True)
        thread.start()
        assert enough.wait(30)
        client.close()
        thread.join(30)
    assert {message["id"] for message in told} == {"AAPL", "GC=F"}
    assert all(message["price"] > 1 and int(message["time"]) > 1.7e12 for message in told)


async def test_the_asynchronous_websocket_of_yfinance_works_unchanged() -> None:
    import yfinance

    told: list[dict[str, Any]] = []
    enough = asyncio.Event()

    def hear(message: dict[str, Any]) -> None:
        told.append(message)
        if len(told) >= 6:
            enough.set()

    exchange = Exchange(Market(7, every=SECOND // 20), port=0)
    await exchange.start()
    async with yfinance.AsyncWebSocket(url=url(exchange), verbose=False) as client:
        await client.subscribe("AAPL")
        listening = asyncio.create_task(client.listen(hear))
        async with asyncio.timeout(20):
            await enough.wait()
        listening.cancel()
        await asyncio.wait([listening])
    await exchange.stop()
    assert {message["id"] for message in told} == {"AAPL"}
