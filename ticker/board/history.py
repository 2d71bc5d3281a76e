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

    __slots__ = ("_most", "_slot", "end", "prices", "times", "version")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.times = array("q")
        """µs, UTC."""
        self.prices = array("d")
        self._slot = SECOND
        """The length of a slot (µs). It doubles when there are too many points."""
        self.end = 0
        """The end of the newest point's slot (µs, exclusive)."""
        self.version = 0
        """Grows with each change of the points, except when a tick replaces the newest point."""

    def __len__(self) -> int:
        return len(self.times)

    def take(self, time: int, price: float) -> None:
        """Add the price of a tick at `time` (µs, UTC), unless it is a day older than the newest."""
        times = self.times
        if time >= self.end:
            times.append(time)
            self.prices.append(price)
            self.version += 1
            self.end = (time // self._slot + 1) * self._slot
            if len(times) > self._most:
                self._thin()
        elif time >= times[-1]:
            times[-1] = time
            self.prices[-1] = price
        elif time > times[-1] - DAY:
            self._insert(time, price)

    def _insert(self, time: int, price: float) -> None:
        times, slot = self.times, time // self._slot
        at = bisect_right(times, time)
        if at < len(times) and times[at] // self._slot == slot:
            return  # this slot has a later tick
        if at and times[at - 1] // self._slot == slot:
            times[at - 1] = time
            self.prices[at - 1] = price
            self.version += 1
            return
        self.version += 1
        times.insert(at, time)
        self.prices.insert(at, price)
        if len(times) > self._most:
            self._thin()

    def _thin(self) -> None:
        """Drop points older than a day, then lengthen the slots while there are too many points."""
        old = bisect_left(self.times, self.times[-1] - DAY)
        del self.times[:old]
        del self.prices[:old]
        while len(self.times) > self._most:
            self._slot *= 2
            # The last point of each slot stays: in the dictionary it replaces earlier ones.
            last = {time // self._slot: at for at, time in enumerate(self.times)}.values()
            self.times = array("q", [self.times[i] for i in last])
            self.prices = array("d", [self.prices[i] for i in last])
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
