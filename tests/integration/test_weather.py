"""Each of Yahoo's failures, as those see it who look at a poller, `ticker status` or a dashboard.

Seen in words within two polls, gone by itself within two polls after its end, and no symbol stops
that the failure does not touch.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.weather import weather
from ticker.health.reasons import Reason
from ticker.units import MINUTE, SECOND

SYMBOLS = ("AAPL", "MSFT", "GC=F", "BTC-USD")


@pytest.mark.parametrize(
    ("fault", "words", "reason"),
    [
        ("html", "answered with a web page instead of quotes", Reason.UNREADABLE),
        ("crumb", "refuses us (HTTP 401)", Reason.UNREADABLE),
        ("consent", "asks for consent to its cookies", Reason.UNREADABLE),
        ("truncated", "answered with broken JSON", Reason.UNREADABLE),
        ("5xx", "has a server error (HTTP 502)", Reason.UNREADABLE),
        ("slow", "no answer within 0.5 s", Reason.UNREACHABLE),
        ("reset", "the connection broke", Reason.UNREACHABLE),
        ("missing:1", "knows no such symbol", Reason.NO_PRICES),
    ],
)
async def test_a_failure_is_reported_within_two_polls_and_gone_within_two(
    tmp_path: Path, fault: str, words: str, reason: Reason
) -> None:
    deadline = 0.5 if fault == "slow" else 10.0
    async with weather(tmp_path, SYMBOLS, deadline=deadline) as scene:
        await scene.polls(2)
        before = len(await scene.ticks())
        scene.exchange.faults.switch(fault)
        await scene.polls()
        for _ in range(2):
            line, told, screen = await scene.seen()
            if reason is not Reason.NO_PRICES:
                assert words in line
                assert words in told
                assert words in screen
            assert told.startswith("stale: The exchange ")
            assert "Prices shown are from" in screen
            await scene.polls()
        if reason is not Reason.NO_PRICES:
            assert set((await scene.reasons()).values()) == {reason}
        assert len(await scene.ticks()) == before
        scene.exchange.faults.switch()
        await scene.polls(2)
        line, told, screen = await scene.seen()
        assert line.startswith("exchange: ok · 4 of 4")
        assert told == "healthy"
        assert "4 of 4 answered" in screen
        assert len(await scene.ticks()) > before


@pytest.mark.processes
async def test_after_a_429_the_source_is_left_alone_until_the_reported_time(
    tmp_path: Path,
) -> None:
    async with weather(tmp_path, SYMBOLS) as scene:
        await scene.polls(2)
        scene.exchange.faults.switch("429")
        waits = []
        for _ in range(6):
            await scene.polls()
            line, told, screen = await scene.seen()
            assert "rate-limited (too many requests)" in line
            assert "next try " in line
            for words in (told, screen):
                assert "too many requests. Next try " in words
            assert set((await scene.reasons()).values()) == {Reason.RATE_LIMITED}
            retry_at = scene.poller.status.retry_at
            assert retry_at is not None
            waits.append(retry_at - scene.clock.wall())
            due = scene.clock.elapsed() + waits[-1]
            if len(waits) < 6:
                asked = scene.source.asked
                while scene.clock.elapsed() < due - SECOND:
                    await scene.clock.step()
                    assert scene.source.asked == asked or scene.source.asked_at >= due
        for wait, minutes in zip(waits, (1, 2, 4, 8, 15, 15), strict=True):
            assert minutes * MINUTE <= wait <= minutes * MINUTE * 5 // 4
        scene.exchange.faults.switch()
        await scene.polls()
        _, told, _ = await scene.seen()
        assert told == "healthy"
        assert scene.source.asked_at >= due


async def test_half_the_symbols_missing_does_not_stop_the_others(tmp_path: Path) -> None:
    async with weather(tmp_path, SYMBOLS) as scene:
        await scene.polls(2)
        scene.exchange.faults.switch("missing:0.65")
        await scene.polls()
        line, told, screen = await scene.seen()
        assert "2 of 4 symbols" in line
        assert "refused: BTC-USD GC=F" in line
        assert told == "healthy, but refused: GC=F, BTC-USD"
        assert "2 of 4 answered" in screen
        before = await scene.ticks()
        await scene.polls(9)
        since = (await scene.ticks())[len(before) :]
        assert {tick.symbol for tick in since} == {"AAPL", "MSFT"}
        reasons = await scene.reasons()
        assert reasons["GC=F"] is reasons["BTC-USD"] is Reason.REFUSED
        assert Reason.REFUSED not in (reasons["AAPL"], reasons["MSFT"])
        scene.exchange.faults.switch()
        await scene.polls(2)
        line, told, _ = await scene.seen()
        assert line.startswith("exchange: ok · 4 of 4")
        assert "refused" not in line
        assert told == "healthy"
