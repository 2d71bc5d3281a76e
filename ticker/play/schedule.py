"""Where the tape stands: an absolute schedule with a speed, a pause and no drift. Pure.

Times of the tape and of the clock are µs. The clock is any that never goes back; its readings are
passed in.
"""

from __future__ import annotations

import re
from typing import Final

from ticker.errors import UsageError
from ticker.feed import MAX_SPEED
from ticker.records import MAX_TIME
from ticker.units import SECOND

MAX: Final = MAX_SPEED
_SLOWEST: Final = 0.1
_FASTEST: Final = 100_000.0
_STALL: Final = 5 * SECOND
"""More than this between two looks at the clock (µs) is a machine that slept, or a log that did not
take anything: the tape stood still meanwhile."""


def parse_speed(text: str) -> float:
    """`0.5`, `10`, `10x`, `max` (gives `MAX`). Raises `UsageError`."""
    word = text.strip().lower()
    if word == "max":
        return MAX
    match = re.fullmatch(r"[x×]?(\d+(?:\.\d+)?|\.\d+)[x×]?", word)
    speed = float(match[1]) if match else -1.0
    if not _SLOWEST <= speed <= _FASTEST:
        raise UsageError(f"{text!r} is no speed: write a number from 0.1 to 100000, or max")
    return speed


class Schedule:
    """Where the tape stands at a moment of the clock."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        """Recorded seconds a second; `MAX`: as fast as it goes."""
        self.is_paused = False
        self._tape = 0
        self._since = 0
        self._looked = 0

    def begin(self, tape: int, now: int) -> None:
        """The tape stands at `tape` now, and runs unless it is paused."""
        self._tape = tape
        self._since = self._looked = now

    def look(self, now: int) -> None:
        """Call it at least each second. Time without a call for over `_STALL` does not count."""
        if now - self._looked > _STALL:
            self._since += now - self._looked
        self._looked = now

    def skip(self, micros: int) -> None:
        """Leave so much of the tape out from here."""
        self._tape += micros

    def at(self, now: int) -> int:
        """What of the tape is due by now; all of it at `MAX`."""
        if self.is_paused:
            return self._tape
        if self.speed == MAX:
            return MAX_TIME
        return self._tape + round((now - self._since) * self.speed)

    def wait(self, tape: int, now: int) -> int:
        """How long until `tape` is due, ignoring a pause (µs)."""
        if self.speed == MAX:
            return 0
        return max(0, self._since + round((tape - self._tape) / self.speed) - now)
