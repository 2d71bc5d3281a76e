"""The exchange over HTTP, asked by a plain client that is not yfinance."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar, web

from ticker.errors import CannotListen
from ticker.exchange import Exchange, Market

NOON = 1_795_435_200_000_000


@asynccontextmanager
async def served(**options: Any) -> AsyncIterator[tuple[Exchange, ClientSession]]:
    async with Exchange(Market(7), port=0, **options) as exchange:
        host, port = exchange.address
        jar = CookieJar(unsafe=True)  # it takes cookies of bare addresses too
        async with ClientSession(f"http://{host}:{port}", cookie_jar=jar) as client:
            yield exchange, client


async def crumb(client: ClientSession) -> str:
    await client.get("/")
    return await (await client.get("/v1/test/getcrumb")).text()


async def test_quotes_need_the_crumb_that_goes_with_the_cookie() -> None:
    async with served() as (_, client):
        params = {"symbols": "AAPL,NOPE,GC=F,AAPL", "crumb": await crumb(client)}
        answer = await (await client.get("/v7/finance/quote", params=params)).json()
        assert [entry["symbol"] for entry in answer["quoteResponse"]["result"]] == ["AAPL", "GC=F"]
        client.cookie_jar.clear()
        stale = await client.get("/v7/finance/quote", params=params)
        assert stale.status == 401
        assert (await stale.json())["finance"]["error"]["description"] == "Invalid Crumb"


async def test_no_cookie_gives_no_crumb() -> None:
    async with served() as (_, client):
        answer = await client.get("/v1/test/getcrumb")
        assert answer.status == 401
        assert (await answer.json())["finance"]["error"]["description"] == "Invalid Cookie"


@pytest.mark.parametrize("symbols", ["", ",", None])
async def test_no_symbols_are_an_error_as_yahoo_words_it(symbols: str | None) -> None:
    async with served() as (_, client):
        params = {"crumb": await crumb(client)} | ({} if symbols is None else {"symbols": symbols})
        answer = await client.get("/v7/finance/quote", params=params)
        assert answer.status == 400
        assert "symbols" in (await answer.json())["quoteResponse"]["error"]["description"]


async def test_every_answer_says_that_it_is_simulated() -> None:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=429) if "limit" in request.query else None

    async with served(fault=fault) as (_, client):
        for path, status in {
            "/": 200,
            "/consent": 200,
            "/v1/test/getcrumb": 200,
            "/v7/finance/quote": 401,
            "/v7/finance/quote?limit": 429,
            "/v8/finance/chart/AAPL": 200,
            "/v8/finance/chart/NOPE": 404,
            "/v1/finance/search?q=gold": 200,
            "/v10/finance/quoteSummary/AAPL": 401,
        }.items():
            answer = await client.get(path)
            assert (answer.status, answer.headers["Ticker-Simulated"]) == (status, "1")
        answer = await client.post("/v7/finance/quote")
        assert (answer.status, answer.headers["Ticker-Simulated"]) == (405, "1")


async def test_an_internal_failure_is_an_error_for_the_client_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fault(_: web.Request) -> web.StreamResponse | None:
        raise ZeroDivisionError

    async with served(fault=fault) as (_, client):
        answer = await client.get("/")
        assert (answer.status, answer.headers["Ticker-Simulated"]) == (500, "1")
    assert {record.name for record in caplog.records} == {"ticker.exchange.server"}


async def test_a_request_that_is_not_http_is_refused_and_the_exchange_continues() -> None:
    async with served() as (exchange, client):
        reader, writer = await asyncio.open_connection(*exchange.address)
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.0 400")
        writer.close()
        assert (await client.get("/")).status == 200


async def test_counters_show_connections_and_requests_and_events() -> None:
    now = NOON

    async with served(clock=lambda: now) as (exchange, client):
        await (await client.get("/")).read()
        await (await client.get("/v7/finance/quote")).read()
        counters = exchange.counters
        assert (counters.connections, counters.open) == (1, 1)
        assert (counters.requests, counters.quote_requests, counters.events) == (2, 1, 0)
        now += 10_000_000
        assert 200 < exchange.counters.events < 370
    stopped = exchange.counters
    assert (stopped.open, stopped.requests) == (0, 2)


async def test_a_request_switches_faults_while_the_exchange_serves() -> None:
    async with served() as (exchange, client):
        answer = await client.put("/faults", data="429:0.5 mute")
        assert await answer.json() == {"429": 0.5, "mute": 1.0}
        assert [(await client.get("/v8/finance/chart/AAPL")).status for _ in "12"] == [200, 429]
        refused = await client.put("/faults", data="weather")
        assert refused.status == 400
        assert (
            "'weather' is not a fault" in (await refused.json())["finance"]["error"]["description"]
        )
        assert len(exchange.faults.on) == 2
        await client.put("/faults")
        assert not exchange.faults.on


async def test_port_0_takes_a_free_port_and_reports_it() -> None:
    exchange = Exchange(Market(7), port=0)
    host, port = await exchange.start()
    assert host == "127.0.0.1"
    assert port > 0
    assert exchange.address == (host, port)
    await exchange.stop()
    await exchange.stop()


async def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(CannotListen, match="not an address of this machine") as caught:
        await Exchange(Market(7), "192.0.2.1", 0).start()
    assert caught.value.host == "192.0.2.1"


async def test_a_host_that_cannot_be_found_is_an_error() -> None:
    with pytest.raises(CannotListen):
        await Exchange(Market(7), "nohost.invalid", 0).start()


async def test_a_taken_port_is_an_error_and_another_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match="another program listens") as caught:
            await Exchange(Market(7), port=port).start()
    assert (caught.value.host, caught.value.port) == ("127.0.0.1", port)


async def test_an_invalid_port_is_an_error() -> None:
    with pytest.raises(CannotListen):
        await Exchange(Market(7), port=70_000).start()
