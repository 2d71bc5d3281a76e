"""A day of Yahoo with a failure in each minute, on a clock that only waiting moves.

Everything is real but the clock, the log's disk and the wire: what a fetch or a socket brings.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest

from tests.polling import FakeClock
from ticker.errors import RateLimited, SourceError, SourceUnreachable
from ticker.poll import Poll
from ticker.records import Batch, Gap, GapReason
from ticker.sources import link
from ticker.sources.address import YahooAddress
from ticker.sources.budget import Budget
from ticker.sources.live import LiveSource
from ticker.sources.yahoo import YahooSource
from ticker.streams import open_log
from ticker.streams.protocol import NumberingLog
from ticker.units import HOUR, MINUTE, SECOND

SYMBOLS = ("AAPL", "GC=F", "BTC-USD")
MOVES_EVERY = 5 * SECOND
FAULTS = (
    "429", "crumb", "html", "truncated", "missing", "slow", "reset", "5xx", "mute", "close",
    "garbage", "refused", "empty", "no price",
)  # fmt: skip
ERRORS: dict[str, Callable[[int], SourceError]] = {
    "429": lambda now: RateLimited("yahoo", now + 75 * SECOND),
    "crumb": lambda _: SourceError("yahoo", "refuses us (HTTP 401)"),
    "slow": lambda _: SourceUnreachable("yahoo", "no answer within 10 s"),
    "reset": lambda _: SourceUnreachable("yahoo", "the connection broke"),
    "5xx": lambda _: SourceError("yahoo", "has a server error (HTTP 502)"),
}
BODIES = {"html": b"<html>", "truncated": b'{"quoteResponse":{"resu', "empty": b""}


class Fetched(NamedTuple):
    body: bytes
    simulated: bool = False


class Yahoo:
    """The other end. A fault is on in the first 40 s of each minute, another one each minute."""

    def __init__(self, clock: FakeClock, day: int) -> None:
        self.clock = clock
        self.day = day
        """How long it lasts (µs); its last ten minutes are without a failure."""
        self.requests: list[int] = []
        self.attempts: list[int] = []
        self.observed: list[int] = []
        """When a price was received (µs, elapsed)."""
        self.broken: list[int] = []
        """When a socket broke."""
        self.links: list[FakeLink] = []
        self.permit: Callable[[], object] = lambda: None

    @property
    def fault(self) -> str:
        minute, rest = divmod(self.clock.now, MINUTE)
        is_over = self.clock.now >= self.day - 10 * MINUTE
        return FAULTS[minute * 5 % len(FAULTS)] if rest < 40 * SECOND and not is_over else ""

    def price(self, symbol: str) -> float:
        moved = self.clock.now // MOVES_EVERY
        return round(100 * (1 + SYMBOLS.index(symbol)) + moved % 977 / 100, 2)

    def fetch(self, symbols: Sequence[str]) -> Fetched:
        self.permit()
        self.requests.append(self.clock.now)
        if self.fault in ERRORS:
            raise ERRORS[self.fault](self.clock.wall())
        if self.fault in BODIES:
            return Fetched(BODIES[self.fault])
        told = symbols[:1] if self.fault == "missing" else symbols
        results = [
            {
                "symbol": symbol,
                "regularMarketPrice": None if self.fault == "no price" else self.price(symbol),
                "regularMarketTime": self.clock.wall() // SECOND,
                "quoteType": "EQUITY",
                "marketState": "REGULAR",
                "priceHint": 2,
            }
            for symbol in told
        ]
        if self.fault != "no price":
            self.observed.append(self.clock.now)
        return Fetched(json.dumps({"quoteResponse": {"result": results}}).encode())

    async def send(self) -> None:
        """Send each socket a message at each move, without end."""
        while True:
            await self.clock.sleep(MOVES_EVERY)
            for each in self.links:
                each.send()


class FakeLink:
    """Replaces `Link`."""

    yahoo: Yahoo

    def __init__(
        self,
        *_: Any,
        within: float,  # noqa: ARG002
        on_message: Callable[[Any], None],
        on_end: Callable[[str], None],
    ) -> None:
        self.on_message, self.on_end = on_message, on_end

    async def open(self, symbols: Sequence[str]) -> None:  # noqa: ARG002
        self.yahoo.attempts.append(self.yahoo.clock.now)
        if self.yahoo.fault in ("refused", "close"):
            raise SourceUnreachable("yahoo", "no connection")
        self.yahoo.links.append(self)

    def send(self) -> None:
        yahoo = self.yahoo
        match yahoo.fault:
            case "mute":
                return
            case "close" | "reset":
                yahoo.links.remove(self)
                yahoo.broken.append(yahoo.clock.now)
                self.on_end("its socket broke")
                return
            case "garbage":
                self.on_message(None)
                return
        for symbol in SYMBOLS:
            fields = dict.fromkeys(
                ("change", "change_percent", "day_volume", "vol_24hr", "day_high", "day_low",
                 "last_size", "bid", "ask"), 0,
            )  # fmt: skip
            self.on_message(
                SimpleNamespace(
                    **fields,
                    id=symbol,
                    price=yahoo.price(symbol),
                    time=yahoo.clock.wall() // 1_000,
                    market_hours=1,
                    price_hint=2,
                )
            )
        yahoo.observed.append(yahoo.clock.now)

    async def subscribe(self, symbols: Sequence[str]) -> None: ...

    async def unsubscribe(self, symbols: Sequence[str]) -> None: ...

    async def is_alive(self) -> bool:
        return self in self.yahoo.links

    async def close(self) -> None:
        if self in self.yahoo.links:
            self.yahoo.links.remove(self)


async def a_day(
    source: YahooSource | LiveSource, yahoo: Yahoo, chance: Callable[[], float]
) -> list[Batch]:
    """The contents of the log at the day's end."""
    polled = source if isinstance(source, YahooSource) else source._polled
    yahoo.permit = lambda: polled._permit(is_extra=False)

    async def call(function: Callable[[], Any]) -> Any:
        return function()

    polled._worker.call = call  # type: ignore[method-assign]  # no thread: it takes no time
    polled._fetcher = lambda **_: yahoo  # type: ignore[method-assign,assignment]
    sending = asyncio.create_task(yahoo.send())
    async with open_log(f"memory:{uuid.uuid4()}") as opened:
        log = cast("NumberingLog", opened)
        poller = Poll(
            source, log, SYMBOLS, clock=yahoo.clock, duration=yahoo.day, random=chance, host="here"
        )
        await poller.run()
        sending.cancel()
        snapshot = await log.snapshot()
        for quote in snapshot.quotes:
            assert quote.price == yahoo.price(quote.symbol) or quote.time < yahoo.clock.wall()
        return [batch async for batch in log.read("start", follow=False)] + [snapshot]


def silences(yahoo: Yahoo, longest: int) -> list[tuple[int, int]]:
    """Spans without an observation."""
    return [(a, b) for a, b in pairwise(yahoo.observed) if b - a > longest]


def uncovered(spans: Sequence[tuple[int, int]], gaps: Sequence[Gap], began: int) -> list[Any]:
    """Those of `spans` (elapsed) that no gap covers."""
    told: list[tuple[int, int]] = []
    for start, until in sorted((g.from_ or 0, g.until or 0) for g in gaps):
        first = start - began
        if told and first <= told[-1][1]:  # one follows upon the other
            first, _ = told.pop()
        told.append((first, until - began))
    return [
        (a, b)
        for a, b in spans
        if not any(start <= a + 15 * SECOND and until >= b - 15 * SECOND for start, until in told)
    ]


OF_POLLS = {GapReason.UNREADABLE, GapReason.UNREACHABLE, GapReason.NO_PRICES}
OF_SOCKET = {"its socket broke", "its socket sends unreadable messages"}


@pytest.mark.parametrize("hours", [3, pytest.param(24, marks=pytest.mark.slow)])
@pytest.mark.parametrize("live", [False, True])
async def test_a_day_of_failures_ends_with_right_prices_and_a_gap_for_each_silence(
    monkeypatch: pytest.MonkeyPatch, *, hours: int, live: bool
) -> None:
    chance = random.Random(7).random  # noqa: S311  no secret
    clock = FakeClock()
    yahoo = Yahoo(clock, hours * HOUR)
    options: dict[str, Any] = {
        "clock": clock.wall,
        "monotonic": lambda: clock.now / SECOND,
        "random": chance,
        "budget": Budget(360, uptime=clock.elapsed),
    }
    began = clock.wall()
    source: YahooSource | LiveSource
    polled = YahooSource(YahooAddress.at("yahoo-live" if live else "yahoo"), **options)
    if live:
        monkeypatch.setattr(FakeLink, "yahoo", yahoo, raising=False)
        monkeypatch.setattr(link, "Link", FakeLink)
        monkeypatch.setattr("ticker.sources.live._MOMENT", 0.0)
        source = LiveSource(polled)
    else:
        source = polled
    *batches, snapshot = await a_day(source, yahoo, chance)
    # The right prices at the end.
    assert {quote.symbol for quote in snapshot.quotes} == set(SYMBOLS)
    for quote in snapshot.quotes:
        assert clock.wall() - quote.time <= 20 * SECOND
    last = {tick.symbol: tick for batch in batches for tick in batch.ticks}
    assert {s: tick.price for s, tick in last.items()} == {
        quote.symbol: quote.price for quote in snapshot.quotes
    }
    # A gap for each silence.
    gaps = [gap for batch in batches for gap in batch.gaps]
    spans = silences(yahoo, 61 * SECOND if live else 31 * SECOND)
    spans += [(at, at) for at in yahoo.broken]
    assert len(spans) > 5 * hours
    assert uncovered(spans, gaps, began) == []
    assert {gap.reason for gap in gaps} >= (OF_SOCKET if live else OF_POLLS)
    # The budget, in every hour.
    sent = yahoo.requests
    assert max(sum(at - HOUR < each <= at for each in sent) for at in sent) <= 360
    # No storm of connections.
    assert all(later - sooner >= SECOND for sooner, later in pairwise(yahoo.attempts))
    assert len(yahoo.attempts) < 60 * hours
