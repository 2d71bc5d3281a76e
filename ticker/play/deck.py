"""Plays a tape on a board: schedule, seeks, steps and loops.

The board at a time is the same after playing and after a seek. It shows nothing that came later.
The pace has no drift. Ticks of one moment are shown together. The clock and the pauses come in
through parameters. This module knows no keys and no screen.

Times are µs of the tape, UTC, unless a line says otherwise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ticker.board import Board
from ticker.play.cursor import Cursor
from ticker.play.reel import Reel
from ticker.play.schedule import MAX_SPEED, Schedule
from ticker.records import Batch
from ticker.units import SECOND

_AT_END: Final = 2 * SECOND
"""How long a loop shows the end of the tape before it begins again (µs)."""
_SHORTEST_LAP: Final = SECOND // 4
"""The shortest time for one lap of a loop (µs). A shorter lap would only seek."""
_LOOK: Final = SECOND // 2
"""`Schedule.look` is called at least this often (µs), or else it would see a stall."""
_MEASURED: Final = SECOND
"""The time over which the speed is measured (µs)."""
_MEASURED_AT_LEAST: Final = SECOND // 4
"""How long the tape must run after a seek before its speed is known (µs)."""
_WAITING_STEPS: Final = 2
"""The most steps that wait: when a held key is released, the steps must end soon."""


class Deck:
    """Plays `reel` on `board` from the start, while `run` runs.

    A silence longer than `idle` (µs of the tape) is shortened to it. `elapsed` returns µs on a
    clock that never goes back. `rest` waits for a time (s), or until the event is set.
    """

    def __init__(
        self,
        reel: Reel,
        board: Board,
        schedule: Schedule,
        *,
        idle: int | None,
        elapsed: Callable[[], int],
        rest: Callable[[asyncio.Event, float], Awaitable[object]],
    ) -> None:
        self.schedule = schedule
        self.loop_from: int | None = None
        """Where the repeated section begins."""
        self.loop_to: int | None = None
        """Where it ends; `None` while only its beginning is set."""
        self.symbols: Sequence[str] | None = reel.span.symbols
        self.is_open = False
        """Whether the board shows something of the tape."""
        self._has_ended = False
        self._reel = reel
        self._board = board
        self._idle = idle
        self._elapsed = elapsed
        self._rest = rest
        self._cursor = Cursor(reel)
        self._nudge = asyncio.Event()
        self._is_over = False
        self._on_change: Callable[[], None] = lambda: None
        self._target: int | None = reel.start
        self._steps: deque[tuple[frozenset[str], bool, Callable[[], None]]] = deque(
            maxlen=_WAITING_STEPS
        )
        self._shown_until = reel.start
        self._quiet_since = reel.start
        self._restart_at: int | None = None  # when a loop begins again (µs, by `elapsed`)
        self._lap_began = 0  # (µs, by `elapsed`)
        self._skipped = 0  # µs of silence left out
        self._samples: deque[tuple[int, int]] = deque()  # (elapsed, tape without silences)

    async def run(self, on_change: Callable[[], None], on_open: Callable[[], None]) -> None:
        """Play until `leave`. `on_open` is called once the board shows the beginning.

        Raises `StreamError` if the tape cannot be read.
        """
        self._on_change = on_change
        try:
            while not self._is_over:
                self._nudge.clear()
                if self._target is not None:
                    was_open = self.is_open
                    await self._arrive(self._target)
                    if self.is_open and not was_open:
                        on_open()
                elif self._steps:
                    await self._step(*self._steps.popleft())
                else:
                    await self._play_on()
        finally:
            await self._cursor.close()

    def leave(self) -> None:
        """End `run`."""
        self._is_over = True
        self._nudge.set()

    @property
    def time(self) -> int:
        """Return the tape's time; during a seek, its target."""
        if self._target is not None:
            return self._target
        if self._has_ended or self.schedule.speed == MAX_SPEED:
            return self._shown_until
        bound = self._stop_at
        if not self._cursor.is_at_end:
            due = self._cursor.next_due
            bound = self._shown_until if due is None else min(bound, due - 1)
        return max(self._shown_until, min(self.schedule.at(self._elapsed()), bound))

    @property
    def reached(self) -> float | None:
        """Return the speed over the last second; `None` if the tape stands, or if unknown."""
        is_moving = self._target is None and self._restart_at is None and not self._has_ended
        if self.schedule.is_paused or not is_moving or not self._samples:
            return None
        (first, tape), (last, to) = self._samples[0], self._samples[-1]
        return (to - tape) / (last - first) if last - first >= _MEASURED_AT_LEAST else None

    @property
    def has_ended(self) -> bool:
        """Tell whether the tape stands at its end.

        In a loop this is true only while the deck waits there to begin again, and not in a pause.
        """
        is_held = self._restart_at is not None and self._shown_until >= self._reel.end
        is_held = is_held and not self.schedule.is_paused
        return (self._has_ended or is_held) and self._target is None

    def set(self, *, speed: float | None = None, is_paused: bool | None = None) -> None:
        """Change the speed, or pause or continue, at the present time."""
        time = self.time
        if self._target is None:
            self._shown_until = max(self._shown_until, time)
        if speed is not None:
            self.schedule.speed = speed
        if is_paused is not None:
            self.schedule.is_paused = is_paused
        self.schedule.begin(time, self._elapsed())
        self._samples.clear()
        self.changed()

    def go_to(self, time: int) -> None:
        """Go to `time`; if it is not on the reel, to the start or end. Drop waiting steps."""
        self._target = max(self._reel.start, min(time, self._reel.end))
        self._steps.clear()
        self.changed()

    def step(self, symbols: frozenset[str], *, forward: bool, on_none: Callable[[], None]) -> None:
        """Pause, and go to the next or previous tick of `symbols`; call `on_none` if none."""
        self.set(is_paused=True)
        self._steps.append((symbols, forward, on_none))

    def cycle_loop(self) -> None:
        """Set the start of a loop here, then its end here, then remove the loop."""
        time = self.time
        if self.loop_from is None:
            self.loop_from = time
        elif self.loop_to is None and time != self.loop_from:
            self.loop_from, self.loop_to = sorted((self.loop_from, time))
            self._has_ended = False  # play on, from the beginning of the loop
        else:
            self.loop_from = self.loop_to = None
        self._restart_at = None
        self.changed()

    def changed(self) -> None:
        """Wake `run`, and report a change."""
        self._nudge.set()
        self._on_change()

    @property
    def _stop_at(self) -> int:
        """Return where playing stops: the end of the loop if that is ahead, else the tape's end."""
        if self.loop_to is not None and self._shown_until <= self.loop_to:
            return self.loop_to
        return self._reel.end

    async def _arrive(self, target: int) -> None:
        """Show what was known at `target`, unless another target is set during the seek."""
        known = await self._cursor.seek(target, self.symbols)
        if self._is_over or self._target != target:
            return  # after `leave` the board belongs to another feed
        self._board.forget()
        self._board.fold(known, self._elapsed())
        self._board.ticks = self._cursor.ticks
        self._stand_at(target)
        self._target = None
        self._on_change()

    def _stand_at(self, time: int) -> None:
        at = self._elapsed()
        self._shown_until = self._quiet_since = time
        self._has_ended = False
        self.is_open = True
        self._restart_at = None
        self._lap_began = at
        self.schedule.begin(time, at)
        self._samples.clear()

    async def _step(
        self, symbols: frozenset[str], forward: bool, on_none: Callable[[], None]
    ) -> None:
        """Go to the next or previous tick of `symbols`.

        If the next one was read already, it is folded in, so that its change is visible.
        """
        await self._cursor.fill()
        if self._is_over or self._target is not None:
            return
        time = self._cursor.next_read_due(symbols) if forward else None
        if time is not None:
            self._fold(self._cursor.take(time))
            self._stand_at(time)
            self._on_change()
            return
        found = await self._reel.tape.next_tick(self.time, symbols=symbols, forward=forward)
        if found is None or not self._reel.start <= found <= self._reel.end:
            on_none()
        elif self._target is None:
            self._target = found

    async def _play_on(self) -> None:
        """Show what is due, then wait for what comes next."""
        await self._cursor.fill()
        if self._target is not None or self._is_over:
            return
        at = self._elapsed()
        self.schedule.look(at)
        pause = _LOOK
        if not (self.schedule.is_paused or self._has_ended):
            pause = await self._advance(at)
        if pause > 0:
            await self._rest(self._nudge, pause / SECOND)
        else:
            await asyncio.sleep(0)  # so that the screen can paint

    async def _advance(self, at: int) -> int:
        """Fold in what is due at `at`. Returns how long to wait (µs); 0: do not wait."""
        stop = self._stop_at
        self._leave_out_silence(at, stop)
        due = self.schedule.at(at)
        batch = self._cursor.take(stop) if due >= stop else self._cursor.take_bursts(due)
        if batch:
            self._fold(batch)
            self._on_change()
        self._sample(at)
        following = self._cursor.burst_end
        if following is None or following > stop:
            if following is None and not self._cursor.is_at_end:
                return 0  # more must be read
            if due >= stop:
                return self._come_to(stop, at)
            following = stop
        if self.schedule.speed == MAX_SPEED:
            return 0
        if self._idle is not None:
            following = min(following, self._quiet_since + self._idle)
        return min(max(1, self.schedule.wait(following, at)), _LOOK)

    def _fold(self, batch: Batch) -> None:
        self._board.fold(batch, self._elapsed())
        self._shown_until = self._quiet_since = max(self._shown_until, self._cursor.time)

    def _leave_out_silence(self, at: int, stop: int) -> None:
        """Skip the rest of a silence that is longer than `idle`."""
        if self._idle is None or self.schedule.speed == MAX_SPEED:
            return
        due, following = self.schedule.at(at), self._cursor.next_due
        to = stop if following is None else min(following, stop)
        if due >= self._quiet_since + self._idle and due < to:
            self.schedule.skip(to - due)
            self._skipped += to - due

    def _come_to(self, stop: int, at: int) -> int:
        """Handle the end of the tape or of a loop. Returns how long to wait (µs)."""
        self._shown_until = stop
        if self.loop_from is None or self.loop_to is None:
            self._has_ended = True
            self._on_change()
            return _LOOK
        if self._restart_at is None:
            hold = _AT_END if stop == self._reel.end else 0
            self._restart_at = max(at + hold, self._lap_began + _SHORTEST_LAP)
            self._on_change()
        if at >= self._restart_at:
            self.go_to(self.loop_from)
            return 0
        return min(self._restart_at - at, _LOOK)

    def _sample(self, at: int) -> None:
        samples = self._samples
        samples.append((at, self.time - self._skipped))
        while len(samples) > 2 and samples[1][0] <= at - _MEASURED:  # noqa: PLR2004  (a span)
            samples.popleft()
