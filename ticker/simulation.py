"""The demo's market and poller on a simulated clock: an hour passes in seconds.

The poller's own code asks, compares and numbers. Answers are read like those of the exchange. Three
parts are replaced by fast ones: a clock that jumps to the next moment at which something is due, a
source that asks the market in this process, and a recorder in place of the log. The same arguments
give the same ticks. This module reads no clock and knows no screen.
"""

from __future__ import annotations

import asyncio
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from ticker.exchange.fields import fields
from ticker.exchange.market import Market
from ticker.poll import Clock, Poll, PollStatus
from ticker.records import Batch, Position
from ticker.source_titles import source_title
from ticker.sources.budget import Budget
from ticker.sources.protocol import Answer, Source
from ticker.sources.reading import Context, read_answer
from ticker.streams.recording import Recorder
from ticker.units import SECOND

BEGIN: Final = 1_795_444_200 * SECOND
"""When the market time of a repeatable demo begins: 2026-11-23T14:30:00Z (µs, UTC)."""
_SOURCE: Final = "exchange"
_HOST: Final = "demo"
_TURNS: Final = 3
"""Turns of the event loop until an answer reaches the poller: one for the answer, one to announce
it, and one in reserve."""


def simulated_poll(
    recorder: Recorder,
    market: Market,
    symbols: Sequence[str],
    *,
    seed: int,
    begin: int,
    duration: int,
    every: int,
    on_status: Callable[[PollStatus], None] = lambda _: None,
) -> Poll:
    """Make a poller that asks `market` and writes to `recorder`. Its `run` simulates it all.

    It polls each `every` (µs) from `begin` (µs, UTC) on, for `duration` (µs). `seed` must be that
    of `market`.
    """
    clock = SimulatedClock(begin)
    # What decides the ticks also decides the origin. So the same ticks always have the same origin.
    told = blake2b(f"demo {seed} {begin} {every}".encode(), digest_size=5)
    origin = b32encode(told.digest()).decode().lower()
    return Poll(
        MarketSource(market, clock),
        _RecorderLog(recorder, origin),
        symbols,
        every=every,
        duration=duration,
        clock=clock,
        on_status=on_status,
        random=lambda: 0.5,
        host=_HOST,
    )


class SimulatedClock(Clock):
    """A clock on which time passes only during waits."""

    def __init__(self, begin: int) -> None:
        self._begin = begin
        self._elapsed = 0

    def wall(self) -> int:
        """Return the market's time (µs, UTC)."""
        return self._begin + self._elapsed

    def elapsed(self) -> int:
        """Return the time since the beginning (µs)."""
        return self._elapsed

    async def wait(self, event: asyncio.Event, until: int) -> None:
        """Jump to `until` (µs), unless `event` is set or about to be."""
        for _ in range(_TURNS):
            if event.is_set():
                return
            await asyncio.sleep(0)
        self._elapsed = max(self._elapsed, until)


class MarketSource(Source):
    """A source that asks a market in this process. It answers at once."""

    name = url = _SOURCE
    every = every_closed = SECOND
    budget = Budget(None)
    batch = 1_000_000

    def __init__(self, market: Market, clock: SimulatedClock) -> None:
        self._market = market
        self._clock = clock

    async def quotes(self, symbols: Sequence[str]) -> Answer:
        """See `Source.quotes`."""
        now = self._clock.wall()
        entries = [fields(state) for state in self._market.look(symbols, now)]
        context = Context(self.name, source_title(self.name), now, simulated=True)
        quotes, refused = read_answer(entries, symbols, context)
        return Answer(quotes, refused)

    async def close(self) -> None:
        """Do nothing: nothing is open."""


class _RecorderLog:
    """Makes a recorder look like a log, with one poller as its only writer."""

    def __init__(self, recorder: Recorder, origin: str) -> None:
        self.origin = origin
        self._recorder = recorder
        self._last: dict[tuple[str, str], int] = {}

    async def last(self) -> Mapping[tuple[str, str], int]:
        """See `Log.last`."""
        return self._last

    async def snapshot(self) -> Batch:
        """Return an empty batch: the log was empty, and the poller knows what it wrote."""
        return Batch(Position(""))

    async def append(self, batch: Batch) -> None:
        """Add the ticks and gaps to the recording, and the facts that the quotes change."""
        self._recorder.add(batch.ticks, batch.gaps, batch.quotes)
        self._last.update(((self.origin, tick.symbol), tick.sequence) for tick in batch.ticks)
