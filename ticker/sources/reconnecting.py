"""Decides when a socket may be opened: once a second at most, less often if connections are short.

Pure: the time (s, of a clock that never goes back) and random numbers are passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Final

from ticker.back_off import BackOff

ONCE: Final = 1.0
"""The shortest time between two attempts (s)."""
LONGEST: Final = 60.0
"""The longest back-off, before jitter (s)."""
STEADY: Final = 60.0
"""A connection that lasted this long ends the back-off (s)."""


class ConnectionAttempts:
    """Plans the attempts of one source. `random` is uniform in [0, 1)."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._back_off = BackOff(random)
        self._next = 0.0

    def is_due(self, now: float) -> bool:
        """Tell whether an attempt may be made at `now`. If so, it counts as made."""
        if now < self._next:
            return False
        self._next = now + ONCE
        return True

    def wait(self, now: float) -> int:
        """Return how long after `now` the next attempt may be made (s, rounded up)."""
        return max(0, ceil(self._next - now))

    def lost(self, now: float, lasted: float) -> None:
        """Note that a connection ended at `now`, after `lasted` (s); 0 if it never began."""
        if lasted >= STEADY:
            self._back_off.reset()
        self._next = max(self._next, now + self._back_off.wait(ONCE, LONGEST))
