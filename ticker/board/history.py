"""The prices of one symbol over the last day, thinned so that they always take little room.

Pure. What it holds depends on the ticks alone, not on the batches in which they came; a tick that
is taken twice changes nothing. An older tick may follow a newer one, so a history can be filled
from a stream after its newest ticks are there.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from ticker.units import DAY, HOUR, SECOND

MOST: Final = 240
"""Points that are kept at most; they are never further apart than a day needs for half of them."""
NIGHT: Final = 4 * HOUR
"""A silence of this length (µs) ends a trading day."""


class History:
    """Points (time, price), oldest first, `most` of them: the last tick of each slot of time."""

    __slots__ = ("_most", "_slot", "end", "prices", "times", "version")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.times = array("q")
        """µs, UTC."""
        self.prices = array("d")
        self._slot = SECOND
        """How long a slot is (µs); it doubles when too many are full."""
        self.end = 0
        """Where the slot of the newest point ends (µs, exclusive)."""
        self.version = 0
        """Another whenever a point came or changed, other than the newest one's price."""

    def __len__(self) -> int:
        return len(self.times)

    def take(self, time: int, price: float) -> None:
        """Take the price of a tick in; `time` is its own (µs, UTC)."""
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
            return  # a later tick stands for this slot
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
        """Drop what is older than a day; make the slots longer while too many are full."""
        old = bisect_left(self.times, self.times[-1] - DAY)
        del self.times[:old]
        del self.prices[:old]
        while len(self.times) > self._most:
            self._slot *= 2
            # Of each slot the last one: a later one takes its place in the dictionary.
            last = {time // self._slot: at for at, time in enumerate(self.times)}.values()
            self.times = array("q", [self.times[i] for i in last])
            self.prices = array("d", [self.prices[i] for i in last])
        self.end = (self.times[-1] // self._slot + 1) * self._slot

    def day(self, *, is_round_the_clock: bool = False) -> tuple[Sequence[int], Sequence[float]]:
        """The times and prices of the trading day: all after the last silence of four hours.

        Of what is traded round the clock: of the last 24 hours.
        """
        begin = day_begin(self.times, is_round_the_clock=is_round_the_clock)
        return (self.times[begin:], self.prices[begin:]) if begin else (self.times, self.prices)


def day_begin(times: Sequence[int], *, is_round_the_clock: bool) -> int:
    """Where the trading day begins in `times`, oldest first: after the last silence of four hours.

    Of what is traded round the clock, and where there is no such silence: 24 hours before the last.
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
