"""Plays a tape into a log (`replay --to`): each record when it is due.

Ticks keep their origin and sequence, and no recorded tick or gap is left out. Records of one moment
arrive together. A late reader never sees a price from after the tape's time. Heartbeats tell the
tape's time. This module knows no screen and no backend.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from ticker.health.states import WriterState
from ticker.play.cursor import Cursor
from ticker.play.reel import Reel
from ticker.play.schedule import MAX_SPEED, Schedule
from ticker.records import Batch, Heartbeat, Tick
from ticker.relay.filter import Filter
from ticker.streams.protocol import Log
from ticker.units import SECOND
from ticker.waiting import wait_unless

_BEAT: Final = SECOND // 2
"""The time between two heartbeats (µs)."""
SOURCE: Final = "replay"
"""The name of the source in its heartbeats."""


class LogPlayer:
    """Plays `reel` into `log`, which must be entered and empty. Call `run` once.

    `clock` returns now (µs, UTC), for heartbeats. `elapsed` returns µs on a clock that never goes
    back, for the schedule. `rest` waits for a time (s), or until the event is set.
    """

    def __init__(
        self,
        reel: Reel,
        log: Log,
        speed: float,
        *,
        clock: Callable[[], int],
        elapsed: Callable[[], int],
        rest: Callable[[asyncio.Event, float], Awaitable[object]] | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.ticks = 0
        """Ticks played so far."""
        self.time = reel.start
        """The tape's time (µs)."""
        self._schedule = Schedule(speed)
        self._reel = reel
        self._cursor = Cursor(reel)
        self._log = log
        self._clock = clock
        self._elapsed = elapsed
        self._rest = rest or wait_unless
        self._on_change = on_change
        self._filter = Filter(f"replay-{secrets.token_hex(4)}")
        self._nudge = asyncio.Event()
        self._stopping = False
        self._beaten: int | None = None  # when the last heartbeat was written (µs, by `elapsed`)
        self._symbols: set[str] = set()

    async def run(self) -> bool:
        """Play to the end. Returns False if `stop` ended it before.

        It begins by writing what is known before the first tick, so that a reader finds a stream.
        """
        self._filter.begin(self._log.id, await self._log.last(), whole=False)
        known = await self._cursor.seek(self._reel.start - 1, self._reel.span.symbols)
        self._schedule.begin(self.time, self._elapsed())
        await self._append(known, beat=True)
        try:
            while not self._stopping:
                await self._cursor.fill()
                if self._cursor.next_due is None:
                    break
                now = self._elapsed()
                self._schedule.look(now)
                if not await self._play(now):
                    await self._wait(now)
        finally:
            await self._cursor.close()
        await self._log.append(Batch(heartbeats=[self._heartbeat(WriterState.STOPPED)]))
        return not self._stopping

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping = True
        self._nudge.set()

    async def _play(self, now: int) -> bool:
        """Append all that is due at `now`. Returns False if nothing is."""
        batch = self._cursor.take_bursts(self._schedule.at(now))
        if not batch:
            return False
        self._move(now, batch.ticks)
        await self._append(batch, beat=self._is_beat_due(now))
        return True

    async def _append(self, due: Batch, *, beat: bool) -> None:
        batch = self._filter.fresh(due)
        beats = [self._heartbeat(WriterState.REPLAYING)] if beat else []
        await self._log.append(msgspec.structs.replace(batch, heartbeats=beats))
        # Quotes do not count as delivered: a newer one of the same time may follow.
        self._filter.delivered(msgspec.structs.replace(batch, quotes=()))
        self._symbols.update(tick.symbol for tick in batch.ticks)
        self.ticks += len(batch.ticks)
        self._on_change()

    async def _wait(self, now: int) -> None:
        """Write a heartbeat if one is due. If not, wait until a burst or a heartbeat is due."""
        if self._is_beat_due(now):
            self._move(now)
            await self._log.append(Batch(heartbeats=[self._heartbeat(WriterState.REPLAYING)]))
            self._on_change()
            return
        pause = _BEAT if self._beaten is None else max(0, self._beaten + _BEAT - now)
        burst = self._cursor.burst_end
        if burst is not None:
            pause = min(pause, self._schedule.wait(burst, now))
        self._nudge.clear()
        if not self._stopping:
            await self._rest(self._nudge, pause / SECOND)

    def _move(self, now: int, played: Sequence[Tick] = ()) -> None:
        """Update the tape's time. It never passes a record that was not played."""
        if self._schedule.speed == MAX_SPEED:
            at = played[-1].received if played else self.time
        else:
            following = self._cursor.next_due
            due = self._schedule.at(now)
            at = min(due, self._reel.end if following is None else following)
        self.time = max(self.time, at)

    def _is_beat_due(self, now: int) -> bool:
        return self._beaten is None or now - self._beaten >= _BEAT

    def _heartbeat(self, state: WriterState) -> Heartbeat:
        self._beaten = self._elapsed()
        now = self._clock()
        return Heartbeat(
            origin=self._log.id,
            writer=self._filter.name,
            source=SOURCE,
            time=now,
            received=now,
            interval=_BEAT,
            state=state,
            asked=len(self._symbols),
            answered=len(self._symbols),
            tape_time=self.time,
            speed=self._schedule.speed,
        )
