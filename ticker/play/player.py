"""Plays a tape on a board: the feed of a replay, and the actions of its keys.

The screen shows the tape's times. A `Deck` plays the tape. The player adds undo, marks, alerts and
the change to the live stream. It implements `Feed` and `PlayerControl`. This module knows no screen
and no backend.

Times are µs of the tape, UTC, unless a line says otherwise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from typing import Final

from ticker.board import Board
from ticker.board.alert_rules import Alert, Told
from ticker.feed import MAX_SPEED, SPEEDS, Feed, Mark
from ticker.health import StreamState
from ticker.play.alerts import alerts_met
from ticker.play.deck import Deck
from ticker.play.marks import Marks
from ticker.play.reel import Reel
from ticker.play.schedule import Schedule
from ticker.records import Batch
from ticker.stream_clock import TapeTime
from ticker.streams.history import last_day
from ticker.system_clock import monotonic, now
from ticker.units import HOUR, SECOND
from ticker.waiting import wait_unless

_UNDONE: Final = 100
"""The most seeks that can be undone."""


class Player:
    """A `Feed` and a `PlayerControl` that plays `reel`.

    A silence longer than `idle` (µs of the tape) is shortened to it. `loop` repeats the whole reel.
    `live` returns the feed of the tape's own stream, on the same board; if there is none,
    `why_not_live` says why. `rows` are the symbols shown; `None`: all that are played. Symbols in
    `beside` are played but not shown. `clock` returns the time of day (µs, UTC). `elapsed` returns
    µs on a clock that never goes back. `rest` waits for a time (s), or until the event is set.
    """

    def __init__(
        self,
        reel: Reel,
        speed: float,
        *,
        is_paused: bool = False,
        loop: bool = False,
        idle: int | None = None,
        live: Callable[[Board], Feed] | None = None,
        why_not_live: str = "",
        rows: Sequence[str] | None = None,
        beside: Collection[str] = (),
        clock: Callable[[], int] = now,
        elapsed: Callable[[], int] = monotonic,
        rest: Callable[[asyncio.Event, float], Awaitable[object]] = wait_unless,
    ) -> None:
        self.start, self.end = reel.start, reel.end
        self.began = elapsed()
        played = reel.span.symbols
        self._rows = played if rows is None else tuple(rows)
        self.board = Board(self._rows, beside=beside)
        self._reel = reel
        self._schedule = Schedule(speed)
        self._schedule.is_paused = is_paused
        self._deck = Deck(reel, self.board, self._schedule, idle=idle, elapsed=elapsed, rest=rest)
        if loop:
            self._deck.loop_from, self._deck.loop_to = reel.start, reel.end
        self._make_live = live
        self._why_not_live = why_not_live
        self._live: Feed | None = None
        self._wall = clock
        self._elapsed = elapsed
        self._marks = Marks(reel)
        self._marking: asyncio.Task[None] | None = None
        self._alerts: Sequence[Alert] = ()
        self._looking: asyncio.Task[None] | None = None
        self.met: Sequence[tuple[int, Told]] = ()
        self._before: deque[int] = deque(maxlen=_UNDONE)  # where seeks began

    # As a feed

    @property
    def url(self) -> str:
        return self._reel.tape.url if self._live is None else self._live.url

    def clock(self) -> int:
        """Return the tape's time; after `hand_over`, the clock of the live stream."""
        return self.time if self._live is None else self._live.clock()

    def wall(self) -> int:
        """Return the time of day (µs, UTC)."""
        return self._wall()

    def elapsed(self) -> int:
        """Return µs on a clock that never goes back."""
        return self._elapsed()

    @property
    def tape(self) -> TapeTime | None:
        if self._live is not None:
            return self._live.tape
        speed = None if self.is_paused else self.speed
        return TapeTime(self.time, speed, self._elapsed(), self.has_ended, HOUR)

    @property
    def state(self) -> StreamState:
        if self._live is not None:
            return self._live.state
        return StreamState.OK if self._deck.is_open else StreamState.OPENING

    @property
    def problem(self) -> str | None:
        return None if self._live is None else self._live.problem

    @property
    def trouble(self) -> str | None:
        return None if self._live is None else self._live.trouble

    @property
    def next_try(self) -> int | None:
        return None if self._live is None else self._live.next_try

    @property
    def broken(self) -> int:
        return 0 if self._live is None else self._live.broken

    @property
    def repeats(self) -> int:
        return 0 if self._live is None else self._live.repeats

    @property
    def reconnects(self) -> int:
        return 0 if self._live is None else self._live.reconnects

    @property
    def symbols(self) -> Sequence[str] | None:
        return self._rows if self._live is None else self._live.symbols

    def choose(self, symbols: Sequence[str]) -> None:
        if self._live is not None:
            self._live.choose(symbols)
            return
        self._rows = tuple(symbols)
        self._deck.symbols = (*symbols, *self.board.beside)
        self.board.watch(symbols)
        self._deck.go_to(self.time)

    async def history(self, symbols: Collection[str]) -> AsyncIterator[Batch]:
        """Yield the last day up to the tape's time; see `Feed`."""
        if self._live is not None:
            async for batch in self._live.history(symbols):
                yield batch
            return
        async with aclosing(last_day(self._reel.tape, self._deck.time, symbols)) as batches:
            async for batch in batches:
                yield batch

    async def run(self, on_change: Callable[[], None] = lambda: None) -> None:
        """See `Feed`. Raises `StreamError` if the tape cannot be read."""
        if self._live is None:
            try:
                await self._deck.run(on_change, self._begin_marking)
            finally:
                tasks = [task for task in (self._marking, self._looking) if task is not None]
                for task in tasks:
                    task.cancel()
                if tasks:
                    await asyncio.wait(tasks)
        if self._live is not None:
            await self._live.run(on_change)

    # As a player

    @property
    def time(self) -> int:
        return self._deck.time

    @property
    def reached(self) -> float | None:
        return self._deck.reached

    @property
    def loop_from(self) -> int | None:
        return self._deck.loop_from

    @property
    def loop_to(self) -> int | None:
        return self._deck.loop_to

    @property
    def speed(self) -> float:
        return self._schedule.speed

    @property
    def is_paused(self) -> bool:
        return self._schedule.is_paused

    @property
    def has_ended(self) -> bool:
        return self._deck.has_ended

    @property
    def to_come(self) -> Collection[str]:
        there = {symbol for _, symbol in self._reel.before}
        return there.difference(self.board.symbols, self.board.beside)

    @property
    def seeks(self) -> int:
        return len(self._before)

    @property
    def marks(self) -> Sequence[Mark]:
        return self._marks.all

    def toggle(self) -> None:
        if self.has_ended and self.loop_to is None:  # a loop begins again by itself
            self._schedule.is_paused = False
            self.seek(self.start)
            return
        self._deck.set(is_paused=not self.is_paused)

    def set_speed(self, speed: float) -> None:
        self._deck.set(speed=speed)

    def slower(self) -> None:
        fast = self.speed or float("inf")
        lower = [speed for speed in SPEEDS if speed != MAX_SPEED and speed < fast]
        if lower:
            self._deck.set(speed=lower[-1])

    def faster(self) -> None:
        if self.speed != MAX_SPEED:
            self._deck.set(speed=next((s for s in SPEEDS if s > self.speed), MAX_SPEED))

    def seek(self, time: int) -> None:
        self._before.append(self.time)
        self._deck.go_to(time)

    def step(
        self, symbols: Sequence[str], *, forward: bool, on_none: Callable[[], None] = lambda: None
    ) -> None:
        chosen = frozenset(symbols)
        if self._deck.symbols is not None:
            chosen &= frozenset(self._deck.symbols)
        self._deck.step(chosen, forward=forward, on_none=on_none)

    def undo(self) -> None:
        if self._before:
            self._deck.go_to(self._before.pop())

    def mark(self) -> Mark:
        mark = self._marks.toggle(self.time)
        self._deck.changed()
        return mark

    def next_mark(self) -> Mark | None:
        return self._go_to_mark(self._marks.after(self.time))

    def previous_mark(self) -> Mark | None:
        speed = 0 if self.is_paused or self.has_ended else self.reached or self.speed
        return self._go_to_mark(self._marks.before(self.time - round(speed * SECOND)))

    def cycle_loop(self) -> None:
        self._deck.cycle_loop()

    def hand_over(self) -> str | None:
        if self._live is None:
            if self._make_live is None:
                return self._why_not_live
            self.board.forget()
            self._live = self._make_live(self.board)
            self._deck.leave()
        return None

    def look_for(self, alerts: Sequence[Alert]) -> None:
        self._alerts = list(alerts)
        if self._marking is not None:  # before this, the tape is not open
            self._look_for_alerts()

    # How it is done

    def _go_to_mark(self, mark: Mark | None) -> Mark | None:
        if mark is not None:
            self.seek(mark.time)
        return mark

    def _begin_marking(self) -> None:
        self._marking = asyncio.create_task(self._look_ahead())
        self._look_for_alerts()

    def _look_for_alerts(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._looking = asyncio.create_task(self._find_alerts())

    async def _find_alerts(self) -> None:
        self.met = await alerts_met(self._reel, self._alerts)
        self._marks.show_alerts([(due, told.alert.text) for due, told in self.met])
        self._deck.changed()

    async def _look_ahead(self) -> None:
        """Index the tape, so that seeks are fast. Then find the marks."""
        await self._reel.tape.index()
        await self._marks.find()
        self._deck.changed()
