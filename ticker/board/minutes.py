"""The minutes before our own ticks, as a poller was told them: for lines of prices alone.

Pure. They are no ticks: no row, no count and no stream knows of them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from ticker.board.history import NIGHT
from ticker.records import MinuteBars
from ticker.units import DAY

NONE: Final[tuple[Sequence[int], Sequence[float]]] = ((), ())


class Minutes:
    """The minute bars of some symbols, small in memory."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[array[int], array[float]]] = {}

    def take(self, bars: MinuteBars) -> None:
        """Know these of their symbol, and forget what was known of it."""
        self._known[bars.symbol] = array("q", bars.ends), array("d", bars.closes)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._known

    def before(
        self, symbol: str, times: Sequence[int], *, is_round_the_clock: bool = False
    ) -> tuple[Sequence[int], Sequence[float]]:
        """When minutes ended (µs, UTC), and their closes, before the first of our ticks.

        `times` are those of our ticks of the day (µs, UTC; oldest first); none: all minutes. A
        night between the minutes and our ticks makes them another day's: there are none then.
        """
        known = self._known.get(symbol)
        if known is None:
            return NONE
        ends, closes = known
        if not times:
            return known
        until = bisect_right(ends, times[0])
        if not until or (times[0] - ends[until - 1] >= NIGHT and not is_round_the_clock):
            return NONE
        since = bisect_left(ends, times[-1] - DAY)
        return ends[since:until], closes[since:until]
