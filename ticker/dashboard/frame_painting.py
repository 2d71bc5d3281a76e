"""Paints one frame: what changed on the board, and nothing else.

`frame_timing` decides when a frame is due.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from ticker import units
from ticker.dashboard.detail import Detail
from ticker.dashboard.health import Rate
from ticker.dashboard.table import Table
from ticker.feed import Feed

SECOND: Final = 1.05
"""How often ages grow (s): a little late, so that ticks once a second take it along."""
_CALM: Final = 1.0
"""The shortest time between two orders of the rows (s): rows that jump cannot be read."""


class Painter:
    """Paints the board of `feed`; `say` updates the words around it."""

    def __init__(
        self, feed: Feed, table: Table, detail: Detail, *, say: Callable[[], None]
    ) -> None:
        self._feed = feed
        self._table = table
        self._detail = detail
        self._say = say
        self.rate = Rate()
        """How fast ticks come."""
        self._arranged, self._ticked = 0.0, monotonic()
        self._is_loose = False
        """Whether a row changed since the rows were put in order."""
        self._valued, self._valued_at = -1, 0.0
        """The life of the board and the time of the last valuation."""
        self._told: object = None
        """What the last status was about."""

    @property
    def is_behind(self) -> bool:
        """Tell whether rows or columns wait for a calm moment to be put in their places."""
        return self._is_loose or self._table.lines.is_tight

    def paint(self) -> float | None:
        """Paint what changed. Returns the seconds until flashes end."""
        now = monotonic()
        feed, table = self._feed, self._table
        is_new = feed.board.lives != self._valued
        if is_new or now - self._valued_at >= _CALM:
            self._revalue(now)
        changed = feed.board.take_changed()
        is_calm = now - self._arranged >= _CALM
        self._is_loose = self._is_loose or bool(changed and table.depends_on_values)
        is_sought = is_new and feed.tape is not None  # rows of a later time must go
        if is_sought or any(s not in table for s in changed) or (self._is_loose and is_calm):
            self._arrange(now)
        if table.lines.is_tight and is_calm:
            self._arranged = now
            table.lay_out()
        table.paint(changed)
        self._detail.paint(changed)
        tape = feed.tape
        pace = None if tape is None else (tape.speed, tape.has_ended)
        # A tape that stands has few changes, by keys alone: the words follow each of them at once.
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
        """Tell whether about a second is over since the last `tick`."""
        return monotonic() - self._ticked >= SECOND - 0.15

    def tick(self) -> None:
        """Update ages and status, once a second."""
        self._ticked = monotonic()
        self._revalue(self._ticked)
        if self._feed.board.owner is not None:
            self.paint()  # weights and rates may be others without a tick of their rows
        self.rate.look(self._feed.elapsed(), self._feed.board.ticks)
        if self._is_loose:
            self._arrange(monotonic())
        if self._table.lines.is_tight:  # no change may come that would lay it out with more room
            self._table.lay_out()
        self._table.paint_ages()
        self._detail.paint_age()
        self._say()

    def toggle_hold(self) -> None:
        """Freeze the board, or show all that came meanwhile."""
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
