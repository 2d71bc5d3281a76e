"""The source's minute bars from before the first tick.

Pure. Only lines and charts use them: they are not ticks, and are in no row, count or stream.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from ticker.board.history import NIGHT
from ticker.records import MinuteBars
from ticker.units import DAY

_Known = tuple[Sequence[int], Sequence[float], Sequence[float], Sequence[float]]
_NOTHING: Final[_Known] = ((), (), (), ())


class Minutes:
    """The minute bars of some symbols, small in memory."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def take(self, bars: MinuteBars) -> None:
        """Replace the known bars of the symbol of `bars`."""
        prices = (array("d", each) for each in (bars.closes, bars.highs, bars.lows))
        self._known[bars.symbol] = (array("q", bars.ends), *prices)  # type: ignore[assignment]

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._known

    def whole(self, symbol: str) -> _Known:
        """Return the ends (µs, UTC), closes, highs and lows of all minutes; empty if unknown."""
        return self._known.get(symbol, _NOTHING)

    def before(
        self, symbol: str, times: Sequence[int], *, is_round_the_clock: bool = False
    ) -> tuple[Sequence[int], Sequence[float]]:
        """Return the ends (µs, UTC) and closes of the minutes up to the first tick (inclusive).

        `times` are the times of the day's ticks (µs, UTC), oldest first. Without ticks, all minutes
        are returned. Minutes more than a day before the last tick are left out. If the last minute
        up to the first tick ends `NIGHT` or more before it, none is returned, unless
        `is_round_the_clock`.
        """
        ends, closes, *_ = self.whole(symbol)
        if not times:
            return ends, closes
        until = bisect_right(ends, times[0])
        if not until or (times[0] - ends[until - 1] >= NIGHT and not is_round_the_clock):
            return (), ()
        since = bisect_left(ends, times[-1] - DAY)
        return ends[since:until], closes[since:until]
