"""Paints one frame: what changed on the board, and nothing else.

`frame_timing` decides when a frame is due.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from ticker import units
from ticker.dashboard.detail import Detail
from ticker.dashboard.health import TickRate
from ticker.dashboard.table import Table
from ticker.feed import Feed

SECOND: Final = 1.05
"""The interval (s) at which ages are updated. It is above 1 s, so that ages can be updated in the
frame of ticks that come once a second."""
_CALM: Final = 1.0
"""The shortest time (s) before the rows are sorted again: rows that jump cannot be read."""


class Painter:
    """Paints the board of `feed`. `say` updates the lines around the table."""

    def __init__(
        self, feed: Feed, table: Table, detail: Detail, *, say: Callable[[], None]
    ) -> None:
        self._feed = feed
        self._table = table
        self._detail = detail
        self._say = say
        self.rate = TickRate()
        """How fast ticks come."""
        self._arranged, self._ticked = 0.0, monotonic()
        self._is_loose = False
        """Whether a row changed since the rows were put in order."""
        self._valued, self._valued_at = -1, 0.0
        """`board.lives` at the last valuation, and its time (s, by `monotonic`)."""
        self._told: object = None
        """The state for which the status line was last updated."""

    @property
    def is_behind(self) -> bool:
        """Tell whether the order of the rows or the layout of the columns is out of date."""
        return self._is_loose or self._table.lines.is_tight

    def paint(self) -> float | None:
        """Paint what changed. Returns the seconds until the next flash ends, if there is one."""
        now = monotonic()
        feed, table = self._feed, self._table
        is_new = feed.board.lives != self._valued
        if is_new or now - self._valued_at >= _CALM:
            self._revalue(now)
        changed = feed.board.take_changed()
        is_calm = now - self._arranged >= _CALM
        self._is_loose = self._is_loose or bool(changed and table.depends_on_values)
        is_sought = is_new and feed.tape is not None  # a seek: rows of a later time must go
        if is_sought or any(s not in table for s in changed) or (self._is_loose and is_calm):
            self._arrange(now)
        if table.lines.is_tight and is_calm:
            self._arranged = now
            table.lay_out()
        table.paint(changed)
        self._detail.paint(changed)
        tape = feed.tape
        pace = None if tape is None else (tape.speed, tape.has_ended)
        # On a paused or ended tape only keys cause changes. The status shows each of them at once.
        is_still = tape is not None and (tape.speed is None or tape.has_ended)
        ticks = feed.board.ticks if is_still else None
        state = (feed.state, feed.problem, pace, feed.board.lives, ticks)
        if state != self._told:
            self._told = state
            table.paint_ages()
            self._say()
        end = table.next_flash_end
        return None if end is None else (end - feed.elapsed()) / units.SECOND

    @property
    def is_second(self) -> bool:
        """Tell whether about a second has passed since the last `tick`."""
        return monotonic() - self._ticked >= SECOND - 0.15

    def tick(self) -> None:
        """Update ages and status, once a second."""
        self._ticked = monotonic()
        self._revalue(self._ticked)
        if self._feed.board.owner is not None:
            self.paint()  # weights and rates can change without a tick of their rows
        self.rate.look(self._feed.elapsed(), self._feed.board.ticks)
        if self._is_loose:
            self._arrange(monotonic())
        if self._table.lines.is_tight:  # do not wait for the next change, which may never come
            self._table.lay_out()
        self._table.paint_ages()
        self._detail.paint_age()
        self._say()

    def toggle_hold(self) -> None:
        """Freeze the board. If it is frozen, show all that came meanwhile."""
        board = self._feed.board
        if board.held is None:
            board.hold(self._feed.clock(), self._feed.elapsed())
            self._table.stand_still()
            return
        board.release()
        self.paint()
        self._table.paint_ages()
        self._detail.redraw()

    def _revalue(self, now: float) -> None:
        self._valued, self._valued_at = self._feed.board.lives, now
        self._feed.board.revalue()

    def _arrange(self, now: float) -> None:
        self._arranged = now
        self._is_loose = False
        self._told = None  # the status counts the rows
        self._table.put_in_order()
