"""What tests of the poller share: a clock, a source and a log driven by the test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ticker.errors import SequenceConflict
from ticker.poll import Clock, Poll, PollStatus
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick
from ticker.sources.budget import Budget
from ticker.sources.protocol import Answer, Source
from ticker.streams.protocol import NumberingLog
from ticker.units import SECOND

START = 1_795_447_805_000_000


class FakeClock(Clock):
    """Time passes only while a task sleeps."""

    def __init__(self, wall: int = START) -> None:
        self.now = 0
        self.offset = wall
        self._timers: list[tuple[int, asyncio.Event]] = []

    def wall(self) -> int:
        return self.offset + self.now

    def elapsed(self) -> int:
        return self.now

    async def sleep(self, span: int) -> None:
        event = asyncio.Event()
        self._timers.append((self.now + span, event))
        await event.wait()

    async def wait(self, event: asyncio.Event, until: int) -> None:
        while True:
            for _ in range(10):
                await asyncio.sleep(0)
            if event.is_set():
                return
            due = min((timer for timer in self._timers), key=lambda t: t[0], default=None)
            if due is None or due[0] > until:
                self.now = max(self.now, until)
                return
            self._timers.remove(due)
            self.now = max(self.now, due[0])
            due[1].set()


Script = Callable[["FakeSource", Sequence[str]], Any]


class FakeSource(Source):
    """A source that calls `script` for each answer: prices, an error, or a delay."""

    name = "yahoo"
    url = "yahoo"
    every = 15 * SECOND
    every_closed = 60 * SECOND
    batch = 50

    def __init__(self, clock: FakeClock, script: Script, *, budget: int | None = None) -> None:
        self.clock = clock
        self.script = script
        self.budget = Budget(budget, uptime=lambda: clock.now)
        self.asked: list[tuple[int, tuple[str, ...]]] = []
        self.under_way = 0
        self.most_under_way = 0

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        self.asked.append((self.clock.now, tuple(symbols)))
        self.budget.take()
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        try:
            result = self.script(self, symbols)
            if asyncio.iscoroutine(result):
                result = await result
        finally:
            self.under_way -= 1
        if isinstance(result, Exception):
            raise result
        if isinstance(result, Answer):
            return result
        now = self.clock.wall()
        quotes, refused = [], {}
        for symbol in symbols:
            if (price := result.get(symbol)) is None:
                refused[symbol] = "no such symbol"
            else:
                session = result.get("session", "regular")
                quotes.append(
                    Quote(
                        symbol,
                        self.name,
                        time=result.get("time", now),
                        received=now,
                        price=price,
                        session=session,
                    )
                )
        return Answer(quotes, refused)

    async def close(self) -> None:
        pass


class MemoryLog:
    """A log that checks sequences and fails on demand.

    It keeps every heartbeat, and a test may change it between two awaits, as another poller or a
    SIGKILL does. The backend in memory keeps the newest heartbeat, and a test cannot remove it.
    """

    origin = "o"
    url = "memory:"

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self.gaps: list[Gap] = []
        self.heartbeats: list[Heartbeat] = []
        self.latest: dict[str, Quote] = {}
        self.fail: Callable[[], Exception | None] = lambda: None

    async def last(self) -> Mapping[tuple[str, str], int]:
        return {(tick.origin, tick.symbol): tick.sequence for tick in self.ticks}

    async def snapshot(self) -> Batch:
        beats = {beat.writer: beat for beat in self.heartbeats}
        return Batch(
            Position("0"), quotes=[*self.latest.values()], heartbeats=tuple(beats.values())
        )

    async def append(self, batch: Batch) -> Position:
        if (error := self.fail()) is not None:
            raise error
        last = dict(await self.last())
        for tick in batch.ticks:
            expected = last.get((tick.origin, tick.symbol), 0) + 1
            if tick.sequence != expected:
                raise SequenceConflict(self.url, {(tick.origin, tick.symbol): expected})
            last[tick.origin, tick.symbol] = tick.sequence
        self.ticks += batch.ticks
        self.gaps += batch.gaps
        self.heartbeats += batch.heartbeats
        self.latest |= {quote.symbol: quote for quote in batch.quotes}
        return Position("0")


class Scene:
    """A clock, a log, a source, and the poller made of them."""

    def __init__(
        self, script: Script, *, budget: int | None = None, log: MemoryLog | None = None
    ) -> None:
        self.clock = FakeClock()
        self.log = log or MemoryLog()
        self.source = FakeSource(self.clock, script, budget=budget)
        self.told: list[PollStatus] = []

    def poll(self, *symbols: str, **options: Any) -> Poll:
        return Poll(
            self.source,
            cast("NumberingLog", self.log),
            symbols or ("A",),
            clock=self.clock,
            on_status=self.told.append,
            random=lambda: 0.5,
            host="here",
            **options,
        )

    @property
    def times(self) -> list[float]:
        return [at / SECOND for at, _ in self.source.asked]


def rising(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
    return dict.fromkeys(symbols, 100.0 + len(source.asked))
