"""The source's minute bars from before the first tick.

Pure. Only lines and charts use them: they are not ticks, and are in no row, count or stream.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ticker.board.history import NIGHT
from ticker.records import MinuteBars
from ticker.units import DAY

_TYPES: Final = {"ends": "q", "closes": "d", "highs": "d", "lows": "d"}


def packed(bars: MinuteBars) -> MinuteBars:
    """Return `bars` with arrays in place of tuples, in a quarter of the memory."""
    arrays: dict[str, Any] = {
        name: array(type_, getattr(bars, name)) for name, type_ in _TYPES.items()
    }
    return msgspec.structs.replace(bars, **arrays)


def minutes_before(
    bars: MinuteBars, times: Sequence[int], *, is_round_the_clock: bool = False
) -> tuple[Sequence[int], Sequence[float]]:
    """Return the ends (µs, UTC) and closes of the minutes up to the first tick (inclusive).

    `times` are the times of the day's ticks (µs, UTC), oldest first; there is at least one. Minutes
    more than a day before the last tick are left out. If the last minute up to the first tick ends
    `NIGHT` or more before it, none is returned, unless `is_round_the_clock`.
    """
    until = bisect_right(bars.ends, times[0])
    if not until or (times[0] - bars.ends[until - 1] >= NIGHT and not is_round_the_clock):
        return (), ()
    since = bisect_left(bars.ends, times[-1] - DAY)
    return bars.ends[since:until], bars.closes[since:until]
