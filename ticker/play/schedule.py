"""The tape's time: an absolute schedule with a speed, a pause and no drift. Pure.

Times of the tape and of the clock are µs. The clock must never go back. Its readings are passed in.
"""

from __future__ import annotations

import re
from typing import Final

from ticker.errors import UsageError
from ticker.records import MAX_TIME
from ticker.units import SECOND

MAX_SPEED: Final = 0.0
"""The speed that means: as fast as possible."""
_SLOWEST: Final = 0.1
_FASTEST: Final = 100_000.0
_STALL: Final = 5 * SECOND
"""A longer time between two calls of `look` (µs) means that the machine slept, or a log was
blocked. The tape stood still then."""


def parse_speed(text: str) -> float:
    """Parse `0.5`, `10`, `10x`, `max` (returns `MAX_SPEED`). Raises `UsageError`."""
    word = text.strip().lower()
    if word == "max":
        return MAX_SPEED
    match = re.fullmatch(r"[x×]?(\d+(?:\.\d+)?|\.\d+)[x×]?", word)
    speed = float(match[1]) if match else -1.0
    if not _SLOWEST <= speed <= _FASTEST:
        raise UsageError(f"{text!r} is not a speed: write a number from 0.1 to 100000, or max")
    return speed


class Schedule:
    """Computes the tape's time from the reading of a clock."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        """Recorded seconds per second; `MAX_SPEED`: as fast as possible."""
        self.is_paused = False
        self._tape = 0
        self._since = 0
        self._looked = 0

    def begin(self, tape: int, now: int) -> None:
        """Set the tape's time to `tape` at `now`. From there it runs, unless it is paused."""
        self._tape = tape
        self._since = self._looked = now

    def look(self, now: int) -> None:
        """Note that it is `now`. A stall, more than `_STALL` since the last call, is left out.

        Call this at least once a second.
        """
        if now - self._looked > _STALL:
            self._since += now - self._looked
        self._looked = now

    def skip(self, micros: int) -> None:
        """Leave out the next `micros` of the tape."""
        self._tape += micros

    def at(self, now: int) -> int:
        """Return the tape's time at `now`: records up to it are due. At `MAX_SPEED`, all are."""
        if self.is_paused:
            return self._tape
        if self.speed == MAX_SPEED:
            return MAX_TIME
        return self._tape + round((now - self._since) * self.speed)

    def wait(self, tape: int, now: int) -> int:
        """Return how long after `now` (µs) the tape reaches `tape`, if it is not paused."""
        if self.speed == MAX_SPEED:
            return 0
        return max(0, self._since + round((tape - self._tape) / self.speed) - now)
