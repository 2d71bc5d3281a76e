"""A poller of the exchange, through real yfinance and sockets, with a clock that the test moves.

Time stops during each request to the source. A test lets one poll after another happen, and reads
the texts of the poller's line, `ticker status` and the dashboard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC
from pathlib import Path

from ticker import open_log, open_stream
from ticker.board.freshness import age_of
from ticker.cli.poll_line import poll_forms
from ticker.dashboard.status import status
from ticker.exchange import Exchange, Market
from ticker.follow import Follow
from ticker.health.reasons import Reason
from ticker.health.verdict import of_stream
from ticker.poll import Clock, Poll
from ticker.records import Gap, Tick
from ticker.sources.address import YahooAddress
from ticker.sources.live import LiveSource
from ticker.sources.protocol import Answer
from ticker.sources.yahoo import YahooSource
from ticker.streams import Stream, retained
from ticker.system_clock import now
from ticker.units import SECOND

_HANGS = 60.0
"""The time limit of a test (s)."""


class SteppedClock(Clock):
    """A clock that jumps to the next due moment when the test lets it."""

    def __init__(self) -> None:
        self._began = now()
        self._elapsed = 0
        self.asking = False
        """Whether the source is being asked. That takes real time, so the clock stops meanwhile."""
        self.idle = asyncio.Event()
        self.go = asyncio.Event()

    def wall(self) -> int:
        return self._began + self._elapsed

    def elapsed(self) -> int:
        return self._elapsed

    async def wait(self, event: asyncio.Event, until: int) -> None:
        await asyncio.sleep(0)  # let a request begin first
        if self.asking:
            await event.wait()
            return
        self.idle.set()
        waits = [asyncio.ensure_future(each.wait()) for each in (self.go, event)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        if self.go.is_set() and not event.is_set():
            self.go.clear()
            self._elapsed = max(self._elapsed, until)

    async def step(self) -> None:
        """Let one wait end, with everything that follows from it."""
        self.idle.clear()
        self.go.set()
        await self.idle.wait()


class _Standing:
    """A source that stops the clock during its requests."""

    watch: SteppedClock
    asked: int = 0
    asked_at: int = 0

    @contextmanager
    def _standing(self) -> Iterator[None]:
        self.asked += 1
        self.asked_at = self.watch.elapsed()
        self.watch.asking = True
        try:
            yield
        finally:
            self.watch.asking = False


class StandingSource(_Standing, YahooSource):
    """The real source that polls."""

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        with self._standing():
            return await super().quotes(symbols)


class StandingLive(_Standing, LiveSource):
    """The real live source. Before each answer, the exchange sends all changes."""

    exchange: Exchange

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        with self._standing():
            if self._polls._comparing is not None:
                await asyncio.wait([self._polls._comparing])
            self.exchange.streamer.tell()
            return await super().quotes(symbols)


class Weather:
    """The actions of a test, and what it sees."""

    def __init__(
        self,
        exchange: Exchange,
        source: StandingSource | StandingLive,
        poller: Poll,
        stream: Stream,
        clock: SteppedClock,
    ) -> None:
        self.exchange = exchange
        self.source = source
        self.poller = poller
        self.clock = clock
        self._stream = stream

    async def polls(self, count: int = 1) -> None:
        """Wait for `count` polls."""
        async with asyncio.timeout(_HANGS):
            until = self.poller.status.polls + count
            while self.poller.status.polls < until:
                await self.clock.step()

    async def seen(self) -> tuple[str, str, str]:
        """Return the texts of the poller's line, `ticker status` and the dashboard's last line."""
        at = self.clock.wall()
        verdict = of_stream(await self._stream.health(), at, UTC)
        watch = await self._watch()
        return poll_forms(self.poller.status, UTC)[0], verdict.summary, status(watch, at, UTC).words

    async def reasons(self) -> dict[str, Reason]:
        """Return symbol → why its row on a dashboard is old."""
        watch = await self._watch()
        board, at, elapsed = watch.board, self.clock.wall(), self.clock.elapsed()
        ages = {s: age_of(board.row(s), board.writers, at, None, elapsed) for s in board.symbols}
        return {symbol: age.reason for symbol, age in ages.items()}

    async def gaps(self) -> list[Gap]:
        """Return all gaps."""
        return [g async for batch in self._stream.read("start", follow=False) for g in batch.gaps]

    async def ticks(self) -> list[Tick]:
        """Return all ticks that were kept."""
        return [t async for batch in self._stream.read("start", follow=False) for t in batch.ticks]

    async def _watch(self) -> Follow:
        watch = Follow(self._stream, clock=self.clock.wall, elapsed=self.clock.elapsed)
        await watch.snapshot()
        return watch


@asynccontextmanager
async def weather(
    folder: Path, symbols: Collection[str], *, deadline: float = 10.0, live: bool = False
) -> AsyncIterator[Weather]:
    """Yield a poller of `symbols` after its first poll; `deadline` (s) is its source's.

    `live`: through the exchange's socket.
    """
    clock = SteppedClock()
    url = f"sqlite:{folder / 'stream.sqlite'}"
    async with Exchange(Market(7), port=0, clock=clock.wall) as exchange:
        host, port = exchange.address
        source: StandingSource | StandingLive
        if live:
            polled = YahooSource(
                YahooAddress.at(f"exchange-live:{host}:{port}"),
                deadline=deadline,
                clock=clock.wall,
                monotonic=lambda: clock.elapsed() / SECOND,
            )
            await polled.prepare()
            source = StandingLive(polled)
            source.exchange = exchange
        else:
            place = YahooAddress.at(f"exchange:{host}:{port}")
            source = StandingSource(place, deadline=deadline, clock=clock.wall)
            await source.prepare()
        source.watch = clock
        async with source, retained(open_log(url)) as log, open_stream(url) as stream:
            poller = Poll(source, log, symbols, every=SECOND, clock=clock)
            running = asyncio.create_task(poller.run())
            scene = Weather(exchange, source, poller, stream, clock)
            try:
                async with asyncio.timeout(_HANGS):
                    await clock.idle.wait()
                yield scene
            finally:
                poller.stop()
                clock.go.set()
                async with asyncio.timeout(_HANGS):
                    await running
