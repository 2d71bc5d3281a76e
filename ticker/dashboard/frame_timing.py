"""When to paint: at once after a pause, and at most ten times a second while changes flow.

It knows time and timers, but not what is painted.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from textual.timer import Timer

FRAME: Final = 0.1
"""The shortest time between two frames (s)."""
SetTimer = Callable[[float, Callable[[], None]], Timer]
"""Calls the function once, after a delay (s), unless the timer is stopped: `App.set_timer`."""


class Frames:
    """Calls `paint` when a frame is due.

    `paint` returns the seconds until the next flash ends, when one more frame is due; `None`
    without a flash.
    """

    def __init__(self, set_timer: SetTimer, paint: Callable[[], float | None]) -> None:
        self._set_timer = set_timer
        self._paint = paint
        self._last = float("-inf")
        self._next: Timer | None = None
        self._flash_end: Timer | None = None

    @property
    def is_waiting(self) -> bool:
        """Tell whether a change waits for the next frame."""
        return self._next is not None

    def change(self) -> None:
        """Paint a change now, or with the next frame if the last one was less than `FRAME` ago."""
        if self._next is not None:
            return
        wait = self._last + FRAME - monotonic()
        if wait <= 0:
            self.paint()
        else:
            self._next = self._set_timer(wait, self.paint)

    def paint(self) -> None:
        """Paint a frame now."""
        if self._next is not None:
            self._next.stop()
            self._next = None
        self._last = monotonic()
        lit = self._paint()
        if lit is not None and self._flash_end is None:
            # A separate timer, because a change that comes before the flash ends must not wait.
            self._flash_end = self._set_timer(max(FRAME, lit), self._on_flash_end)

    def _on_flash_end(self) -> None:
        self._flash_end = None
        if self._next is not None:
            return
        # This frame does not delay the next one: a change just after it must be seen at once.
        # If the last frame was just now, the next frame ends the flash.
        before = self._last
        if before + FRAME <= monotonic():
            self.paint()
            self._last = before
        else:
            self.change()
