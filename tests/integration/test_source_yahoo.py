"""The Yahoo source, through real yfinance and curl, against an exchange on loopback."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from ticker.errors import RateLimited, SourceError, SourceUnreachable
from ticker.exchange import Exchange, Market, SavedAnswers, companies
from ticker.sources import yahoo
from ticker.sources.address import YahooAddress
from ticker.sources.budget import Budget
from ticker.sources.yahoo import YahooSource

SAVED = Path(__file__).parents[2] / ".." / "shared" / "yahoo"
NOW = 1_795_463_700_000_000  # 2026-11-23T19:55:00Z
MINUTE = 60_000_000
HANGS = 60.0
"""For so long does an exchange that hangs not answer (s)."""
AT_ONCE = 5.0
"""Well before a source's own deadline of 10 s, on a busy machine too (s)."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@pytest.fixture
async def source_at() -> AsyncIterator[Callable[..., YahooSource]]:
    opened: list[YahooSource] = []

    def make(exchange: Exchange, **options: Any) -> YahooSource:
        host, port = exchange.address
        source = YahooSource(YahooAddress.at(f"yahoo+http://{host}:{port}"), **options)
        opened.append(source)
        return source

    yield make
    for source in opened:
        await source.close()


SourceAt = Callable[..., YahooSource]


def on_quotes(handler: Handler) -> Handler:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        return await handler(request) if request.path == "/v7/finance/quote" else None

    return fault


def always(status: int = 200, body: str = "", **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=body, headers=named)

    return answer


@pytest.mark.skipif(not SAVED.is_dir(), reason="no saved answers beside the checkout")
async def test_saved_answers_are_read_as_expected_in_one_request(source_at: SourceAt) -> None:
    expected = json.loads((SAVED / "expected.json").read_text())["quotes"]
    async with Exchange(SavedAnswers(SAVED / "quotes"), port=0) as exchange:
        answer = await source_at(exchange).quotes([*expected, "ADH", "SIX", "NOPE"])
        assert exchange.counters.quote_requests == 1
    read = {quote.symbol: json.loads(msgspec.json.encode(quote)) for quote in answer.quotes}
    for symbol, fields in expected.items():
        assert {name: read[symbol].get(name) for name in fields} == fields
    assert answer.refused == {
        "ADH": "no price",
        "SIX": "Yahoo knows no such symbol",
        "NOPE": "Yahoo knows no such symbol",
    }
    assert all(quote.simulated for quote in answer.quotes)


async def test_cookie_and_crumb_are_fetched_once_for_many_requests(source_at: SourceAt) -> None:
    async with Exchange(Market(1), port=0) as exchange:
        source = source_at(exchange)
        for _ in range(4):
            await source.quotes(["AAPL"])
        counters = exchange.counters
    assert (counters.requests, counters.quote_requests, counters.connections) == (6, 4, 1)


async def test_more_than_fifty_symbols_take_several_requests(source_at: SourceAt) -> None:
    listings = companies(120)
    async with Exchange(Market(1, listings=listings), port=0) as exchange:
        symbols = [listing.symbol for listing in listings]
        answer = await source_at(exchange).quotes(symbols)
        assert exchange.counters.quote_requests == 3
    assert [quote.symbol for quote in answer.quotes] == symbols


async def test_no_symbols_take_no_request(source_at: SourceAt) -> None:
    async with Exchange(Market(1), port=0) as exchange:
        answer = await source_at(exchange).quotes([])
        assert (answer.quotes, answer.refused) == ([], {})
        assert exchange.counters.requests == 0


async def test_an_invalid_symbol_is_refused_without_a_request(source_at: SourceAt) -> None:
    asked: list[str] = []

    @on_quotes
    async def remember(request: web.Request) -> None:
        asked.append(request.query["symbols"])

    async with Exchange(Market(1), port=0, fault=remember) as exchange:
        answer = await source_at(exchange).quotes(["AAPL", "A,B", "\x1b[2J", "AAPL", "GC=F"])
    assert asked == ["AAPL,GC=F"]
    assert answer.refused == {"A,B": "not a symbol", "\x1b[2J": "not a symbol"}


async def test_raw_answers_are_handed_on_unchanged(source_at: SourceAt) -> None:
    raw: list[tuple[list[str], bytes]] = []
    async with Exchange(Market(1, listings=companies(60)), port=0) as exchange:
        source = source_at(exchange, on_answer=lambda asked, body: raw.append(([*asked], body)))
        symbols = [listing.symbol for listing in companies(60)]
        await source.quotes(symbols)
    assert [asked for asked, _ in raw] == [symbols[:50], symbols[50:]]
    entries = json.loads(raw[1][1])["quoteResponse"]["result"]
    assert [entry["symbol"] for entry in entries] == symbols[50:]


async def test_an_unreadable_answer_is_not_handed_on(source_at: SourceAt) -> None:
    raw: list[bytes] = []
    async with Exchange(Market(1), port=0, fault=on_quotes(always(200, "<html>"))) as exchange:
        source = source_at(exchange, on_answer=lambda _, body: raw.append(body))
        with pytest.raises(SourceError):
            await source.quotes(["AAPL"])
    assert raw == []


async def test_an_expired_crumb_is_renewed(source_at: SourceAt) -> None:
    first = Exchange(Market(1), port=0)
    host, port = await first.start()
    source = source_at(first)
    await source.quotes(["AAPL"])
    await first.stop()
    async with Exchange(Market(1), host, port):
        for _ in range(2):
            answer = await source.quotes(["AAPL"])
            assert [quote.symbol for quote in answer.quotes] == ["AAPL"]


async def test_two_sources_keep_their_cookies_apart(source_at: SourceAt) -> None:
    async with Exchange(Market(1), port=0) as one, Exchange(Market(2), port=0) as two:
        sources = source_at(one), source_at(two)
        for _ in range(2):
            await asyncio.gather(*(source.quotes(["AAPL"]) for source in sources))
        assert one.counters.requests == two.counters.requests == 4


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", 120_000_000),
        ("Mon, 23 Nov 2026 20:01:00 GMT", 6 * MINUTE),
        ("Mon, 23 Nov 2020 20:01:00 GMT", MINUTE),
        ("0", MINUTE),
        ("9999999999999999", 24 * 60 * MINUTE),
        ("soon", MINUTE),
        ("-5", MINUTE),
        (None, MINUTE),
    ],
)
async def test_a_rate_limit_says_when_to_ask_again(
    source_at: SourceAt, header: str | None, wait: int
) -> None:
    headers = {"Retry_After": header} if header is not None else {}
    fault = on_quotes(always(429, "Too Many Requests", **headers))
    async with Exchange(Market(1), port=0, fault=fault) as exchange:
        with pytest.raises(RateLimited) as caught:
            await source_at(exchange, clock=lambda: NOW, random=lambda: 0.0).quotes(["AAPL"])
    assert caught.value.retry_at == NOW + wait


async def test_the_wait_doubles_with_each_rate_limit_until_an_answer(
    source_at: SourceAt,
) -> None:
    limited = True

    @on_quotes
    async def fault(_: web.Request) -> web.StreamResponse | None:
        return web.Response(status=429) if limited else None

    async def wait() -> int:
        with pytest.raises(RateLimited) as caught:
            await source.quotes(["AAPL"])
        return caught.value.retry_at - NOW

    async with Exchange(Market(1), port=0, fault=fault) as exchange:
        source = source_at(exchange, clock=lambda: NOW, random=lambda: 0.0)
        assert [await wait() for _ in range(6)] == [m * MINUTE for m in (1, 2, 4, 8, 15, 15)]
        limited = False
        await source.quotes(["AAPL"])
        limited = True
        assert await wait() == MINUTE


async def test_a_source_that_is_opened_again_does_not_ask_during_a_rate_limit(
    source_at: SourceAt, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"clock": lambda: NOW, "random": lambda: 0.0}
    async with Exchange(Market(1), port=0, fault=on_quotes(always(429))) as exchange:
        for _ in range(2):
            budget = Budget(360, uptime=lambda: NOW, shared=tmp_path / "requests.json")
            with pytest.raises(RateLimited, match="too many requests") as caught:
                await source_at(exchange, budget=budget, **options).quotes(["AAPL"])
            assert MINUTE - 1_000_000 <= caught.value.retry_at - NOW <= MINUTE
        assert exchange.counters.quote_requests == 1


async def test_only_the_sources_own_refusals_double_the_wait(source_at: SourceAt) -> None:
    at = NOW
    async with Exchange(Market(1), port=0, fault=on_quotes(always(429))) as exchange:
        budget = Budget(4, uptime=lambda: at)  # cookie, crumb, two requests
        source = source_at(exchange, budget=budget, clock=lambda: at, random=lambda: 0.0)
        waits = []
        for _ in range(6):
            with pytest.raises(RateLimited) as caught:
                await source.quotes(["AAPL"])
            waits.append((caught.value.retry_at - at) // MINUTE)
            at += 5 * MINUTE
        assert waits == [1, 2, 50, 45, 40, 35]
        at = NOW + 61 * MINUTE
        with pytest.raises(RateLimited) as caught:
            await source.quotes(["AAPL"])
        assert caught.value.retry_at - at == 4 * MINUTE


@pytest.mark.parametrize("status", [429, 999, 500, 503])
async def test_a_failing_source_is_not_asked_again_at_once(
    source_at: SourceAt, status: int
) -> None:
    async with Exchange(Market(1), port=0, fault=on_quotes(always(status))) as exchange:
        with pytest.raises(SourceError):
            await source_at(exchange).quotes(["AAPL"])
        assert exchange.counters.quote_requests == 1


async def test_a_503_with_retry_after_counts_as_a_rate_limit(source_at: SourceAt) -> None:
    fault = on_quotes(always(503, Retry_After="30"))
    async with Exchange(Market(1), port=0, fault=fault) as exchange:
        with pytest.raises(RateLimited) as caught:
            await source_at(exchange, clock=lambda: NOW, random=lambda: 0.0).quotes(["AAPL"])
    assert caught.value.retry_at == NOW + 30_000_000


async def test_a_rate_limit_on_every_request_has_a_retry_time(source_at: SourceAt) -> None:
    fault = always(429, "Too Many Requests", Retry_After="7")
    async with Exchange(Market(1), port=0, fault=fault) as exchange:
        with pytest.raises(RateLimited) as caught:
            await source_at(exchange, clock=lambda: NOW, random=lambda: 0.0).quotes(["AAPL"])
    assert caught.value.retry_at == NOW + 7_000_000


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, '{"finance":{"error":{"code":"Unauthorized"}}}', "refuses us (HTTP 401)"),
        (403, "Forbidden", "refuses us (HTTP 403)"),
        (404, "nothing here", "answered without quotes (HTTP 404)"),
        (500, "oops", "has a server error (HTTP 500)"),
        (502, "<html>Bad gateway</html>", "has a server error (HTTP 502)"),
        (200, "", "sent an empty answer"),
        (200, "<!doctype html><title>Yahoo</title>", "answered with a web page"),
        (200, '{"quoteResponse": {"result": [{"symbol": "AA', "broken JSON"),
        (200, "[" * 100_000, "broken JSON"),
        (200, '{"quoteResponse": {"result": null}}', "JSON that holds no quotes"),
        (200, '["AAPL"]', "JSON that holds no quotes"),
        (200, "null", "JSON that holds no quotes"),
        (
            200,
            '{"quoteResponse":{"result":null,"error":{"code":"x","description":"\\u001b[2J"}}}',
            r"answered with an error: '\x1b[2J'",
        ),
    ],
)
async def test_an_answer_without_quotes_is_reported_as_such(
    source_at: SourceAt, status: int, body: str, words: str
) -> None:
    fault = on_quotes(always(status, body))
    async with Exchange(Market(1), port=0, fault=fault) as exchange:
        with pytest.raises(SourceError) as caught:
            await source_at(exchange).quotes(["AAPL"])
    assert words in caught.value.problem
    assert not isinstance(caught.value, SourceUnreachable | RateLimited)


async def test_nonsense_in_one_symbol_does_not_affect_the_others(source_at: SourceAt) -> None:
    good = {"symbol": "GOOD", "regularMarketPrice": 5, "regularMarketTime": 1_739_566_800}
    results = [{**good, "symbol": "BAD", "regularMarketPrice": float("nan")}, good]
    body = json.dumps({"quoteResponse": {"result": results, "error": None}})
    async with Exchange(Market(1), port=0, fault=on_quotes(always(200, body))) as exchange:
        answer = await source_at(exchange).quotes(["BAD", "GOOD"])
    assert [quote.symbol for quote in answer.quotes] == ["GOOD"]
    assert answer.refused == {"BAD": "not a price: nan"}


async def test_a_closed_port_is_reported_as_unreachable(source_at: SourceAt) -> None:
    exchange = Exchange(Market(1), port=0)
    await exchange.start()
    source = source_at(exchange)
    await exchange.stop()
    with pytest.raises(SourceUnreachable, match="no connection at 127"):
        await source.quotes(["AAPL"])


async def test_a_host_without_an_address_is_unreachable() -> None:
    async with YahooSource(YahooAddress.at("yahoo+http://nowhere.invalid")) as source:
        with pytest.raises(SourceUnreachable, match="host not found"):
            await source.quotes(["AAPL"])


async def test_a_truncated_answer_is_reported_as_unreachable(source_at: SourceAt) -> None:
    @on_quotes
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"quoteResponse":')
        assert request.transport is not None
        request.transport.abort()
        return response

    async with Exchange(Market(1), port=0, fault=cut) as exchange:
        with pytest.raises(SourceUnreachable):
            await source_at(exchange).quotes(["AAPL"])


@pytest.mark.parametrize("path", ["/", "/v1/test/getcrumb", "/v7/finance/quote"])
async def test_a_slow_answer_ends_at_the_deadline_and_the_next_request_works(
    source_at: SourceAt, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The net beneath is not what is tested here.
    monkeypatch.setattr(yahoo, "_GRACE", HANGS)
    slow = True

    async def hang(request: web.Request) -> None:
        if slow and request.path == path:
            await asyncio.sleep(HANGS)

    async with Exchange(Market(1), port=0, fault=hang) as exchange:
        source = source_at(exchange, deadline=2)
        await source.prepare()
        begun = time.monotonic()
        with pytest.raises(SourceUnreachable, match=r"no answer within 2 s"):
            await source.quotes(["AAPL"])
        assert time.monotonic() - begun < AT_ONCE
        slow = False
        assert (await source.quotes(["AAPL"])).quotes


async def test_cancelling_a_hanging_request_returns_at_once_and_does_not_block_the_next(
    source_at: SourceAt,
) -> None:
    asked = asyncio.Event()

    async def hang(_: web.Request) -> None:
        if not asked.is_set():
            asked.set()
            await asyncio.sleep(HANGS)

    async with Exchange(Market(1), port=0, fault=hang) as exchange:
        source = source_at(exchange)
        task = asyncio.create_task(source.quotes(["AAPL"]))
        # While it hangs on its first cookie, yfinance holds a lock.
        async with asyncio.timeout(30):
            await asked.wait()
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - begun < AT_ONCE
        async with asyncio.timeout(30):
            assert (await source.quotes(["AAPL"])).quotes


async def test_the_event_loop_keeps_running_while_yahoo_is_slow(source_at: SourceAt) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    @on_quotes
    async def slow(_: web.Request) -> None:
        asked.set()
        # Set by a task of the same loop: a blocked loop would never get here.
        await go_on.wait()

    async def meanwhile() -> None:
        await asked.wait()
        go_on.set()

    async with Exchange(Market(1), port=0, fault=slow) as exchange:
        source = source_at(exchange)
        async with asyncio.timeout(30):
            answer, _ = await asyncio.gather(source.quotes(["AAPL"]), meanwhile())
    assert answer.quotes


def on_part(second: str, handler: Handler) -> Handler:
    """Requests for `second` get the handler's answer, others that of the exchange."""

    @on_quotes
    async def fault(request: web.Request) -> web.StreamResponse | None:
        asked = request.query.get("symbols", "").split(",")
        return await handler(request) if second in asked else None

    return fault


async def break_off(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.close()


async def hang(_: web.Request) -> None:
    await asyncio.sleep(HANGS)


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (always(500), "Yahoo: has a server error (HTTP 500)"),
        (always(401), "Yahoo: refuses us (HTTP 401)"),
        (always(404), "Yahoo: answered without quotes (HTTP 404)"),
        (always(200, "<html>"), "Yahoo: answered with a web page instead of quotes"),
        (always(200, ""), "Yahoo: sent an empty answer"),
        (always(200, '{"quoteResponse": null}'), "Yahoo: answered with JSON that holds no quotes"),
        (break_off, "Yahoo: the connection broke"),
        (hang, "Yahoo: no answer within 3 s"),
    ],
)
@pytest.mark.parametrize("failing", [0, 1, 2])
async def test_a_failed_request_loses_only_its_own_symbols(
    source_at: SourceAt, handler: Handler, words: str, failing: int
) -> None:
    symbols = [listing.symbol for listing in companies(120)]
    parts = [symbols[:50], symbols[50:100], symbols[100:]]
    lost = parts[failing]
    fault = on_part(lost[0], handler)
    async with Exchange(Market(1, listings=companies(120)), port=0, fault=fault) as exchange:
        source = source_at(exchange, deadline=3 if handler is hang else 30)
        await source.prepare()
        answer = await source.quotes(symbols)
    assert [quote.symbol for quote in answer.quotes] == [s for s in symbols if s not in lost]
    assert list(answer.refused) == lost
    assert all(reason.startswith(words) for reason in answer.refused.values())
    assert list(answer.failures) == lost
    assert answer.rate_limited is None


async def test_after_a_rate_limit_no_more_is_requested_and_earlier_answers_are_kept(
    source_at: SourceAt,
) -> None:
    symbols = [listing.symbol for listing in companies(120)]
    fault = on_part(symbols[50], always(429, Retry_After="30"))
    async with Exchange(Market(1, listings=companies(120)), port=0, fault=fault) as exchange:
        source = source_at(exchange, clock=lambda: NOW, random=lambda: 0.0)
        answer = await source.quotes(symbols)
        assert exchange.counters.quote_requests == 2
        assert [quote.symbol for quote in answer.quotes] == symbols[:50]
        assert answer.refused == {
            **dict.fromkeys(symbols[50:100], "Yahoo: too many requests"),
            **dict.fromkeys(symbols[100:], "not asked: Yahoo: too many requests"),
        }
        assert answer.rate_limited is not None
        assert answer.rate_limited.retry_at == NOW + 30 * 1_000_000
        # Those that were not asked for come first the next time, in the order of asking.
        again = await source.quotes(symbols)
        assert {quote.symbol for quote in again.quotes} >= set(symbols[100:])
        assert [q.symbol for q in again.quotes] == [s for s in symbols if s not in again.refused]


async def test_if_every_request_fails_the_poll_fails(source_at: SourceAt) -> None:
    symbols = [listing.symbol for listing in companies(120)]
    for handler, error in (
        (always(500), SourceError),
        (always(429), RateLimited),
        (break_off, SourceUnreachable),
    ):
        async with Exchange(Market(1), port=0, fault=on_quotes(handler)) as exchange:
            with pytest.raises(error):
                await source_at(exchange).quotes(symbols)


async def test_a_poll_of_a_slow_source_is_bounded(
    source_at: SourceAt,
) -> None:
    symbols = [listing.symbol for listing in companies(200)]
    now = 0.0

    async def slow(_: web.Request) -> None:
        nonlocal now
        now += 9.0

    fault = on_quotes(slow)
    async with Exchange(Market(1, listings=companies(200)), port=0, fault=fault) as exchange:
        source = source_at(exchange, monotonic=lambda: now)
        answer = await source.quotes(symbols)
        assert exchange.counters.quote_requests == 2
        assert [quote.symbol for quote in answer.quotes] == symbols[:100]
        assert set(answer.refused) == set(symbols[100:])
        assert set(answer.refused.values()) == {"not asked: Yahoo: answers slowly"}
        rest = await source.quotes(symbols)
        assert [quote.symbol for quote in rest.quotes] == symbols[100:]
