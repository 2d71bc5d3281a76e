"""The prices of one symbol over the last day, thinned so that they take little memory.

Pure. The result depends on the ticks alone, not on the batches they came in, and a repeated tick
changes nothing. An older tick may follow a newer one, so older ticks can be added later.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from ticker.units import DAY, HOUR, SECOND

MOST: Final = 240
"""The most points that are kept. A full day has at least half as many."""
NIGHT: Final = 4 * HOUR
"""A silence of this length (µs) ends a trading day."""


class History:
    """At most `most` points (time, price), oldest first: the last tick of each time slot."""

    __slots__ = ("_most", "_sequences", "_slot", "end", "prices", "times", "version")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.times = array("q")
        """µs, UTC."""
        self.prices = array("d")
        self._sequences = array("q")
        self._slot = SECOND
        """The length of a slot (µs). It doubles when there are too many points."""
        self.end = 0
        """The end of the newest point's slot (µs, exclusive)."""
        self.version = 0
        """Grows with each change of the points, except when a tick replaces the newest point."""

    def __len__(self) -> int:
        return len(self.times)

    def take(self, time: int, price: float, sequence: int = 0) -> None:
        """Add the price of a tick at `time` (µs, UTC), unless it is a day older than the newest.

        At equal times, `sequence` decides which tick is the last.
        """
        times = self.times
        if time >= self.end:
            self._insert(len(times), time, price, sequence)
            self.end = (time // self._slot + 1) * self._slot
        elif time >= times[-1]:
            self._replace(-1, time, price, sequence)
        elif time > times[-1] - DAY:
            slot, at = time // self._slot, bisect_right(times, time)
            if times[at] // self._slot == slot:
                return  # this slot has a later tick
            if at and times[at - 1] // self._slot == slot:
                self._replace(at - 1, time, price, sequence)
                self.version += 1
            else:
                self._insert(at, time, price, sequence)

    def _replace(self, at: int, time: int, price: float, sequence: int) -> None:
        """Replace a point, unless it is of a later tick of the same time."""
        if time > self.times[at] or sequence >= self._sequences[at]:
            self.times[at], self.prices[at], self._sequences[at] = time, price, sequence

    def _insert(self, at: int, time: int, price: float, sequence: int) -> None:
        self.times.insert(at, time)
        self.prices.insert(at, price)
        self._sequences.insert(at, sequence)
        self.version += 1
        if len(self.times) > self._most:
            self._thin()

    def _thin(self) -> None:
        """Drop points older than a day, then lengthen the slots while there are too many points."""
        kept: Sequence[int] = range(bisect_left(self.times, self.times[-1] - DAY), len(self.times))
        while len(kept) > self._most:
            self._slot *= 2
            # The last point of each slot stays: in the dictionary it replaces earlier ones.
            kept = list({self.times[at] // self._slot: at for at in kept}.values())
        self.times = array("q", [self.times[at] for at in kept])
        self.prices = array("d", [self.prices[at] for at in kept])
        self._sequences = array("q", [self._sequences[at] for at in kept])
        self.end = (self.times[-1] // self._slot + 1) * self._slot

    def day(self, *, is_round_the_clock: bool = False) -> tuple[Sequence[int], Sequence[float]]:
        """Return times (µs, UTC) and prices of the trading day; see `day_begin`."""
        begin = day_begin(self.times, is_round_the_clock=is_round_the_clock)
        return (self.times[begin:], self.prices[begin:]) if begin else (self.times, self.prices)


def day_begin(times: Sequence[int], *, is_round_the_clock: bool) -> int:
    """Return the index in `times`, oldest first, at which the trading day begins.

    It begins after the last silence of four hours, but at most 24 hours before the last time.
    If `is_round_the_clock`, silences do not count.
    """
    if not times:
        return 0
    begin = bisect_left(times, times[-1] - DAY)
    if is_round_the_clock or times[-1] - times[begin] < NIGHT:
        return begin
    for at in range(len(times) - 1, begin, -1):
        if times[at] - times[at - 1] >= NIGHT:
            return at
    return begin
