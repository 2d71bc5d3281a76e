from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC
from typing import Any, cast

from ticker.dashboard import Dashboard
from ticker.dashboard.health import TickRate, sections
from ticker.dashboard.page import TextPage
from ticker.errors import StreamUnreachable
from ticker.follow import Follow
from ticker.records import Batch, Gap, Heartbeat, Position, Quote
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


def feed_with(make_stream: Callable[..., Any]) -> Follow:
    beat = Heartbeat(
        "one", "w", "yahoo", NOW, NOW, SECOND, "ok", 2, 1,
        refused={"GONE": "no such symbol, and \x1b[31m" + "a long reason " * 5},
    )  # fmt: skip
    quote = Quote("AAPL", "yahoo", NOW, NOW - 2 * SECOND, 5.0, origin="one", sequence=1)
    stream = make_stream(Batch(Position("1"), quotes=[quote], heartbeats=[beat]))
    return Follow(stream, clock=lambda: NOW, elapsed=lambda: NOW)


async def test_the_health_page_shows_stream_and_writers_and_gaps_and_each_refusal(
    stream_in_memory: Callable[..., Any],
) -> None:
    feed = feed_with(stream_in_memory)
    await feed.snapshot()
    gap = Gap("yahoo", "one", "w", NOW, "poller stopped", from_=NOW - 9 * SECOND, until=NOW)
    feed.board.fold(Batch(Position("2"), gaps=[gap]), NOW)
    told = dict(sections(feed, TickRate(), UTC))
    assert told["Stream"] == ["sqlite:stand-in.sqlite"]
    assert "the newest record was stored 2s ago" in told["What came"]
    assert "no prices from Yahoo for 9s" in told["What came"][-1]
    assert "1 of 2 symbols" in told["Writers"][0]
    (refused,) = told["Refused"]
    assert refused.startswith("GONE: no such symbol, and ␛[31m")
    assert refused.count("a long reason") == 5


async def test_the_health_page_tells_the_command_for_symbols_that_no_poller_asks_for(
    stream_in_memory: Callable[..., Any],
) -> None:
    beat = Heartbeat("one", "w", "exchange", NOW, NOW, SECOND, "ok", 1, 1, symbols=("AAPL",))
    quotes = [Quote(s, "exchange", NOW, NOW, 5.0, "one", 1) for s in ("A", "^IXIC")]
    stream = stream_in_memory(Batch(Position("1"), quotes=quotes, heartbeats=[beat]))
    app = Dashboard(Follow(stream, clock=lambda: NOW, elapsed=lambda: NOW), zone=UTC)
    async with app.run_test(size=(100, 40)) as pilot, asyncio.timeout(30):
        while "all not polled (i says why)" not in app._words.status.render().plain:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        await pilot.press("space", "i")
        assert isinstance(app.screen, TextPage)
        text = str(app.screen.text.content)
        assert "No poller for A, ^IXIC: ticker poll A '^IXIC' --source exchange" in text
        assert "FROZEN" in text
        assert "all not polled · 0 ticks" in text


async def test_the_health_page_counts_repeats_and_lost_connections(
    stream_in_memory: Callable[..., Any],
) -> None:
    feed = feed_with(stream_in_memory)
    stream = cast("Any", feed.stream)
    stream.repeats = 3
    following = asyncio.create_task(feed.run())
    try:
        async with asyncio.timeout(30):
            for lost in range(1, 3):
                stream.put(Batch(Position("1")))  # it is read
                stream.put(StreamUnreachable(stream.url, "its disk is away"))
                stream.put(Batch(Position("1")))  # and again
                while feed.reconnects < lost:  # noqa: ASYNC110  the feed sends no notification
                    await asyncio.sleep(0.005)
    finally:
        following.cancel()
    assert "0 gaps, 3 repeats, 2 reconnects" in dict(sections(feed, TickRate(), UTC))["What came"]


async def test_the_health_page_starts_with_the_full_status_text(
    stream_in_memory: Callable[..., Any],
) -> None:
    app = Dashboard(feed_with(stream_in_memory), zone=UTC)
    async with app.run_test(size=(50, 20)) as pilot:
        async with asyncio.timeout(30):
            while "answered" not in app._words.status.render().plain:
                await pilot.pause(0.01)
        whole = "Yahoo every 1s, last asked 15:30:05: 1 of 2 answered"
        assert whole not in app._words.status.render().plain
        await pilot.press("i")
        assert isinstance(app.screen, TextPage)
        assert whole in str(app.screen.text.render())


def test_ticks_per_second_cover_ten_seconds_and_restart_after_a_seek() -> None:
    rate = TickRate()
    assert rate.per_second is None
    for second in range(30):
        rate.look(second * SECOND, second * 4 if second < 15 else 60 + (second - 15) * 8)
    assert rate.per_second == 8.0
    rate.look(30 * SECOND, 0)
    assert rate.per_second is None


async def test_i_opens_and_closes_the_health_page(stream_in_memory: Callable[..., Any]) -> None:
    app = Dashboard(feed_with(stream_in_memory), zone=UTC)
    async with app.run_test(size=(60, 20)) as pilot:
        async with asyncio.timeout(5):
            while "AAPL" not in app._table:  # noqa: ASYNC110  the app sends no notification
                await asyncio.sleep(0.005)
        await pilot.press("i")
        assert isinstance(app.screen, TextPage)
        assert "sqlite:stand-in.sqlite" in str(app.screen.text.render())
        await pilot.press("i")
        assert not isinstance(app.screen, TextPage)
