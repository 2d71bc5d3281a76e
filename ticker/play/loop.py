"""The loop that plays a tape into a log: each record when it is due, with its identity.

It promises that a log gets what was recorded tick for tick and gap for gap, that records of one
moment arrive in one piece, and that a late reader of the log is told no price of later. Its
heartbeats say where the tape stands. Knows no screen, and neither backend.
"""

from __future__ import annotations

import asyncio
import secrets
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from ticker.health.states import WriterState
from ticker.play.beginning import Beginning
from ticker.play.schedule import MAX, Schedule
from ticker.play.timed import Timed, as_batch, due_time
from ticker.records import Batch, Heartbeat, Quote
from ticker.relay.filter import Filter
from ticker.streams.facts import quote_of
from ticker.streams.protocol import Log
from ticker.units import SECOND

BEAT: Final = SECOND // 2
"""Between two heartbeats (µs)."""
SOURCE: Final = "replay"
"""What its heartbeats call the source."""


class Player:
    """Plays `beginning` into `log`, which is entered and empty. `run` it once.

    `clock` is now (µs, UTC), for heartbeats; `elapsed` is µs on a clock that never goes back, for
    the schedule; `rest` waits for so many seconds, or less where the event is set.
    """

    def __init__(
        self,
        beginning: Beginning,
        log: Log,
        speed: float,
        *,
        clock: Callable[[], int],
        elapsed: Callable[[], int],
        rest: Callable[[asyncio.Event, float], Awaitable[object]] | None = None,
        on_change: Callable[[], None] = lambda: None,
        is_paused: bool = False,
    ) -> None:
        self.ticks = 0
        """Played so far."""
        self.gaps = 0
        self.time = beginning.time
        """Where the tape stands (µs)."""
        self.schedule = Schedule(speed)
        self.schedule.is_paused = is_paused
        self._beginning = beginning
        self._log = log
        self._clock = clock
        self._elapsed = elapsed
        self._rest = rest or _rest
        self._on_change = on_change
        self._filter = Filter(f"replay-{secrets.token_hex(4)}")
        self._nudge = asyncio.Event()
        self._stopping = False
        self._records: Sequence[Timed] = beginning.first
        self._at = 0  # of these, the next to play
        self._has_ended = False  # nothing follows them
        self._beaten: int | None = None  # when the last heartbeat was written (µs, by `elapsed`)
        self._symbols: set[str] = set()

    async def prepare(self) -> None:
        """Write what was known before the first record, so that a reader finds a stream."""
        self._filter.begin(self._log.id, await self._log.last(), whole=False)
        self.schedule.begin(self.time, self._elapsed())
        known = list(self._beginning.known)
        await self._log.append(quotes=known, heartbeats=[self._heartbeat(WriterState.REPLAYING)])

    async def run(self) -> bool:
        """Play to the end; False where `stop` ended it before."""
        self.schedule.begin(self.time, self._elapsed())
        try:
            while not self._stopping:
                await self._fill()
                if self._at == len(self._records):
                    break
                now = self._elapsed()
                self.schedule.look(now)
                if not await self._play(now):
                    await self._wait(now)
        finally:
            await self._beginning.rest.aclose()
        await self._log.append(heartbeats=[self._heartbeat(WriterState.STOPPED)])
        return not self._stopping

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping = True
        self._nudge.set()

    def toggle(self) -> None:
        """Pause, or go on."""
        now = self._elapsed()
        if self.schedule.is_paused:
            self.schedule.resume(now)
        else:
            self.schedule.pause(now)
        self._beaten = None
        self._nudge.set()

    async def _fill(self) -> None:
        """Have two moments at hand, or all that is left: then the first of them is whole."""
        while not self._has_ended and (
            self._at == len(self._records) or self._records[self._at][0] == self._records[-1][0]
        ):
            more = await anext(self._beginning.rest, None)
            if more is None:
                self._has_ended = True
            else:
                self._records = [*self._records[self._at :], *more]
                self._at = 0

    async def _play(self, now: int) -> bool:
        """Append all that is due by now; False where nothing is."""
        if self.schedule.is_paused:
            return False
        records = self._records
        end = bisect_right(records, self.schedule.at(now), lo=self._at, key=due_time)
        if not self._has_ended:
            end = min(end, bisect_left(records, records[-1][0], lo=self._at, key=due_time))
        if end == self._at:
            return False
        some, self._at = records[self._at : end], end
        self.time = some[-1][0] if self.schedule.speed == MAX else self._position(now)
        await self._append(as_batch(some), beat=self._is_beat_due(now))
        return True

    async def _append(self, due: Batch, *, beat: bool) -> None:
        """Give `due` to the log, with a quote of each symbol whose price it moves."""
        batch = self._filter.fresh(due)
        last = {(tick.origin, tick.symbol): tick for tick in batch.ticks}
        quotes: dict[tuple[str, str], Quote] = {
            key: quote_of(tick, self._beginning.facts.get(key)) for key, tick in last.items()
        }
        for quote in batch.quotes:
            key = (quote.origin or "", quote.symbol)
            if key not in last or (quote.sequence or 0) >= last[key].sequence:
                quotes[key] = quote
        beats = [self._heartbeat(WriterState.REPLAYING)] if beat else []
        await self._log.append(
            batch.ticks, gaps=batch.gaps, quotes=list(quotes.values()), heartbeats=beats
        )
        # Not the quotes: one of the same time may follow, which tells more.
        self._filter.delivered(msgspec.structs.replace(batch, quotes=()))
        self._symbols.update(symbol for _, symbol in last)
        self.ticks += len(batch.ticks)
        self.gaps += len(batch.gaps)
        self._on_change()

    async def _wait(self, now: int) -> None:
        """Until something is due: a record, or a heartbeat."""
        if self._is_beat_due(now):
            self.time = self._position(now)
            await self._log.append(heartbeats=[self._heartbeat(WriterState.REPLAYING)])
            self._on_change()
            return
        pause = BEAT if self._beaten is None else max(0, self._beaten + BEAT - now)
        if not self.schedule.is_paused:
            pause = min(pause, self.schedule.wait(self._records[self._at][0], now))
        self._nudge.clear()
        if not self._stopping:
            await self._rest(self._nudge, pause / SECOND)

    def _position(self, now: int) -> int:
        """Where the tape stands, which is never beyond what is still to be played."""
        if self.schedule.speed == MAX:
            return self.time
        last = len(self._records) - 1
        return max(self.time, min(self.schedule.at(now), self._records[min(self._at, last)][0]))

    def _is_beat_due(self, now: int) -> bool:
        return self._beaten is None or now - self._beaten >= BEAT

    def _heartbeat(self, state: WriterState) -> Heartbeat:
        self._beaten = self._elapsed()
        now = self._clock()
        return Heartbeat(
            origin=self._log.id,
            writer=self._filter.name,
            source=SOURCE,
            time=now,
            received=now,
            interval=BEAT,
            state=state,
            asked=len(self._symbols),
            answered=len(self._symbols),
            tape_time=self.time,
            # A tape that is paused has no speed; 0 is as fast as it goes.
            speed=None if self.schedule.is_paused else self.schedule.speed,
        )


async def _rest(nudge: asyncio.Event, seconds: float) -> None:
    """Wait, unless nudged."""
    try:
        async with asyncio.timeout(seconds):
            await nudge.wait()
    except TimeoutError:
        return
