"""The day of one symbol as bars: open, high, low and close of equal spans of time.

Pure. The result depends on the ticks alone, not on their order, and a repeated tick changes
nothing. The spans grow with the day, so there are never more than `most` bars.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from ticker.board.history import day_begin
from ticker.records import Bar, MinuteBars
from ticker.units import DAY, HOUR, MINUTE, SECOND

SPANS: Final = (SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR)
"""The possible lengths of a bar (µs). Each is a multiple of the one before, so bars can be merged.
"""
_MOST: Final = 2_000
"""More bars than a wide terminal can draw, and more than a day has minutes."""


class _Slot:
    """An unfinished bar, with time and sequence of its first and last price."""

    __slots__ = ("close", "first", "high", "last", "low", "open")

    def __init__(self, time: int, price: float, sequence: int = 0) -> None:
        self.first = self.last = (time, sequence)
        self.open = self.high = self.low = self.close = price

    def take(self, other: _Slot) -> None:
        """Merge `other`, a bar of the same span or of a part of it, into this one."""
        if other.first < self.first:
            self.first, self.open = other.first, other.open
        if other.last >= self.last:
            self.last, self.close = other.last, other.close
        self.high = max(self.high, other.high)
        self.low = min(self.low, other.low)


class Bars:
    """The bars of a day, at most `most`."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._slots: dict[int, _Slot] = {}
        self.span = SPANS[0]
        """The length of each bar (µs)."""

    def take(self, time: int, price: float, sequence: int = 0) -> None:
        """Add the price of a tick at `time` (µs, UTC). At equal times, `sequence` decides."""
        self._put(time // self.span, _Slot(time, price, sequence))
        if len(self._slots) > self._most:
            self._thin()

    def take_minutes(self, minutes: MinuteBars) -> None:
        """Add a source's minute bars. A minute with ticks closes with the last tick.

        Without highs or lows, the closes take their place.
        """
        closes = minutes.closes
        if not closes:
            return
        self._widen(max(MINUTE, self.span))
        before, ended = closes[0], -1
        for end, close, high, low in zip(
            minutes.ends, closes, minutes.highs or closes, minutes.lows or closes, strict=True
        ):
            begin = (end - 1) // MINUTE * MINUTE
            slot = _Slot(begin, before if begin == ended else close)
            slot.take(_Slot(begin, close))
            slot.high, slot.low = max(slot.high, high), min(slot.low, low)
            self._put(begin // self.span, slot)
            before, ended = close, begin + MINUTE
        while len(self._slots) > self._most:
            self._thin()

    def _put(self, at: int, slot: _Slot) -> None:
        known = self._slots.get(at)
        if known is None:
            self._slots[at] = slot
        else:
            known.take(slot)

    def _thin(self) -> None:
        """Drop bars more than a day older than the newest. If too many remain, lengthen them."""
        oldest = max(self._slots) - DAY // self.span
        self._slots = {at: slot for at, slot in self._slots.items() if at >= oldest}
        if len(self._slots) > self._most:
            wider = [span for span in SPANS if span > self.span]
            self._widen(wider[0] if wider else self.span * 2)

    def _widen(self, span: int) -> None:
        if span == self.span:
            return
        slots, before = self._slots, self.span
        self._slots, self.span = {}, span
        for at in sorted(slots):
            self._put(at * before // span, slots[at])

    def day(self, *, is_round_the_clock: bool = False) -> list[Bar]:
        """Return the bars of the trading day, oldest first; see `day_begin`."""
        ordered = sorted(self._slots.items())
        times = [at * self.span for at, _ in ordered]
        begin = day_begin(times, is_round_the_clock=is_round_the_clock)
        return [
            Bar(time, slot.open, slot.high, slot.low, slot.close)
            for time, (_, slot) in zip(times[begin:], ordered[begin:], strict=True)
        ]


def longer(bars: Sequence[Bar], span: int) -> list[Bar]:
    """Merge `bars`, oldest first, into bars of `span` (µs, a multiple of their span)."""
    found: list[Bar] = []
    at = 0
    while at < len(bars):
        begin = bars[at].time // span * span
        end = bisect_left(bars, begin + span, at, key=attrgetter("time"))
        some = bars[at:end]
        high, low = max(bar.high for bar in some), min(bar.low for bar in some)
        found.append(Bar(begin, some[0].open, high, low, some[-1].close))
        at = end
    return found
