"""Plays a tape on a board: the feed of a replay, and the actions of its keys.

The screen shows the tape's times. A `Deck` plays the tape. The player adds undo, marks, alerts and
the change to the live stream. This module knows no screen and no backend.

Times are µs of the tape, UTC, unless a line says otherwise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from typing import Final

from ticker.board import Board
from ticker.board.alert_rules import Alert, Told
from ticker.feed import Feed, Mark
from ticker.health import StreamState
from ticker.play.deck import Deck
from ticker.play.marks import Marks
from ticker.play.reel import Reel
from ticker.play.schedule import MAX_SPEED, Schedule
from ticker.records import Batch
from ticker.stream_clock import TapeTime
from ticker.streams.history import last_day
from ticker.streams.protocol import ReadStats
from ticker.system_clock import monotonic, now
from ticker.units import HOUR, SECOND
from ticker.waiting import wait_unless

SPEEDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, MAX_SPEED)
"""The speeds that `slower` and `faster` step through, from the slowest to the fastest."""
_UNDONE: Final = 100
"""The most seeks that can be undone."""


class Player:
    """A `Feed` that plays `reel`, and the actions of its keys.

    Each action returns at once. `on_change` of the feed reports its effect and the end of a seek.

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
        """When the played part of the tape begins, and when its last record is due."""
        self.began = elapsed()
        self._rows = reel.span.symbols if rows is None else tuple(rows)
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
        self.wall = clock
        self.elapsed = elapsed
        self._marks = Marks(reel, self._deck.changed)
        self._before: deque[int] = deque(maxlen=_UNDONE)  # where seeks began

    # As a feed

    @property
    def url(self) -> str:
        return self._reel.tape.url if self._live is None else self._live.url

    def clock(self) -> int:
        """Return the tape's time; after `hand_over`, the clock of the live stream."""
        return self.time if self._live is None else self._live.clock()

    @property
    def tape(self) -> TapeTime | None:
        if self._live is not None:
            return self._live.tape
        speed = None if self.is_paused else self.speed
        return TapeTime(self.time, speed, self.elapsed(), self.has_ended, HOUR)

    @property
    def state(self) -> StreamState:
        if self._live is not None:
            return self._live.state
        return StreamState.OK if self._deck.is_open else StreamState.OPENING

    @property
    def problem(self) -> str | None:
        return None if self._live is None else self._live.problem

    @property
    def next_try(self) -> int | None:
        return None if self._live is None else self._live.next_try

    @property
    def reconnects(self) -> int:
        return 0 if self._live is None else self._live.reconnects

    def read_stats(self) -> ReadStats:
        """See `Feed`."""
        return ReadStats() if self._live is None else self._live.read_stats()

    @property
    def symbols(self) -> Sequence[str] | None:
        return self._rows if self._live is None else self._live.symbols

    def choose(self, symbols: Sequence[str]) -> None:
        """See `Feed`."""
        if self._live is not None:
            self._live.choose(symbols)
            return
        self._rows = tuple(symbols)
        self._deck.symbols = (*symbols, *self.board.beside)
        self.board.watch(symbols)
        self._deck.go_to(self.time)

    async def history(self, symbols: Collection[str]) -> AsyncGenerator[Batch, None]:
        """Yield the last day up to the tape's time; see `Feed`."""
        if self._live is not None:
            async for batch in self._live.history(symbols):
                yield batch
            return
        async with aclosing(last_day(self._reel.tape, self.time, symbols)) as batches:
            async for batch in batches:
                yield batch

    async def run(self, on_change: Callable[[], None] = lambda: None) -> None:
        """See `Feed`. Raises `StreamError` if the tape cannot be read."""
        if self._live is None:
            try:
                await self._deck.run(on_change, self._marks.begin)
            finally:
                await self._marks.close()
        if self._live is not None:
            await self._live.run(on_change)

    # As a player

    @property
    def time(self) -> int:
        """Return the time on the tape, from `start` to `end`; during a seek, its target."""
        return self._deck.time

    @property
    def speed(self) -> float:
        """Return the wanted speed, in recorded seconds per second; `MAX_SPEED` is 0."""
        return self._schedule.speed

    @property
    def reached(self) -> float | None:
        """Return the speed over the last second; `None` if the tape stands, or if unknown."""
        return self._deck.reached

    @property
    def is_paused(self) -> bool:
        """Tell whether the user paused the tape."""
        return self._schedule.is_paused

    @property
    def has_ended(self) -> bool:
        """Tell whether the tape is at its end."""
        return self._deck.has_ended

    @property
    def loop_from(self) -> int | None:
        """Return where the loop begins; `None` if there is none."""
        return self._deck.loop_from

    @property
    def loop_to(self) -> int | None:
        """Return where the loop ends; `None` if there is none, or only its beginning is set."""
        return self._deck.loop_to

    @property
    def to_come(self) -> Collection[str]:
        """Return the symbols of the tape that have no row yet."""
        there = {symbol for _, symbol in self._reel.before}
        return there.difference(self.board.symbols, self.board.beside)

    @property
    def seeks(self) -> int:
        """Return how many seeks can be undone."""
        return len(self._before)

    @property
    def marks(self) -> Sequence[Mark]:
        """Return all marks known so far, in order of time. More may come in the first seconds."""
        return self._marks.all

    @property
    def met(self) -> Sequence[tuple[int, Told]]:
        """Return the alerts found so far by `look_for`, each with its time, in order of time."""
        return self._marks.met

    def look_for(self, alerts: Sequence[Alert]) -> None:
        """Mark where `alerts` are met, and drop the marks of an earlier call. May take seconds."""
        self._marks.look_for(alerts)

    def toggle(self) -> None:
        """Pause or continue. At the end, play from the start."""
        if self.has_ended and self.loop_to is None:  # a loop begins again by itself
            self._schedule.is_paused = False
            self.seek(self.start)
            return
        self._deck.set(is_paused=not self.is_paused)

    def set_speed(self, speed: float) -> None:
        """Play at `speed`; `MAX_SPEED` is as fast as possible. Does not end a pause."""
        self._deck.set(speed=speed)

    def slower(self) -> None:
        """Take the next lower of `SPEEDS`. The slowest stays."""
        fast = self.speed or float("inf")
        lower = [speed for speed in SPEEDS if speed != MAX_SPEED and speed < fast]
        if lower:
            self._deck.set(speed=lower[-1])

    def faster(self) -> None:
        """Take the next higher of `SPEEDS`. The fastest stays."""
        if self.speed != MAX_SPEED:
            self._deck.set(speed=next((s for s in SPEEDS if s > self.speed), MAX_SPEED))

    def seek(self, time: int) -> None:
        """Go to `time`, or to the nearest time in the played part."""
        self._before.append(self.time)
        self._deck.go_to(time)

    def step(
        self, symbols: Sequence[str], *, forward: bool, on_none: Callable[[], None] = lambda: None
    ) -> None:
        """Pause, and go to the next (or previous) tick of one of `symbols`.

        If there is none, stay and call `on_none`.
        """
        chosen = frozenset(symbols)
        if self._deck.symbols is not None:
            chosen &= frozenset(self._deck.symbols)
        self._deck.step(chosen, forward=forward, on_none=on_none)

    def undo(self) -> None:
        """Go back to where the last seek began. A second call undoes the seek before it."""
        if self._before:
            self._deck.go_to(self._before.pop())

    def mark(self) -> Mark:
        """Set a mark of the user here, or remove the one that is here. Returns that mark."""
        return self._marks.toggle(self.time)

    def next_mark(self) -> Mark | None:
        """Go to the next mark and return it; `None` if there is none."""
        return self._go_to_mark(self._marks.after(self.time))

    def previous_mark(self) -> Mark | None:
        """Go to the previous mark and return it; `None` if there is none.

        A mark that a running tape passed less than a second ago is skipped.
        """
        speed = 0 if self.is_paused or self.has_ended else self.reached or self.speed
        return self._go_to_mark(self._marks.before(self.time - round(speed * SECOND)))

    def _go_to_mark(self, mark: Mark | None) -> Mark | None:
        if mark is not None:
            self.seek(mark.time)
        return mark

    def cycle_loop(self) -> None:
        """Set the start of a loop here. The next call sets its end, the third removes the loop."""
        self._deck.cycle_loop()

    def hand_over(self) -> str | None:
        """Change to live: follow the stream that the tape was taken from.

        Return `None`, or the reason as a sentence if that is not possible.
        """
        if self._live is None:
            if self._make_live is None:
                return self._why_not_live
            self.board.forget()
            self._live = self._make_live(self.board)
            self._deck.leave()
        return None
