"""The labels of a chart: few, at round prices and round times. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from ticker.times import Zone, to_datetime
from ticker.units import DAY, HOUR, MINUTE, SECOND

_STEPS: Final = (
    *(SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND),
    *(MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR, DAY),
)
"""The possible distances between two times (µs)."""
_ROUND: Final = (1, 2, 5, 10)
_APART: Final = 6
"""The fewest free cells between two times."""
_ROWS: Final = 3
"""The fewest lines from one price to the next."""


def round_prices(low: float, high: float, height: int, places: int) -> list[float]:
    """Return a few round prices for an axis of `height` lines; `places`: decimals."""
    size, most = high - low, max(1, height // _ROWS)
    if not 0 < size < math.inf:
        return []
    exponent = max(math.floor(math.log10(size / most)), -places)
    for factor in _ROUND:
        step = factor * 10.0**exponent
        if size / step <= most:
            break
    first, last = math.ceil(low / step), math.floor(high / step)
    return [number * step for number in range(first, last + 1)]


def time_axis(start: int, end: int, width: int, zone: Zone) -> str:
    """Return the time axis from `start` to `end` (µs) in `width` cells, with round times."""
    line = [" "] * width
    for text, middle in _labels(start, end, width, zone):
        at = max(0, min(middle - len(text) // 2, width - len(text)))
        if len(text) <= width:
            line[at : at + len(text)] = text
    if not "".join(line).strip():  # the span is too short for a round time
        text = _text(start, SECOND, zone)[:width]
        line[: len(text)] = text
    return "".join(line)


def _labels(start: int, end: int, width: int, zone: Zone) -> Iterator[tuple[str, int]]:
    """Yield each round time as text, with the cell on which the text is centred."""
    span = max(1, end - start)
    for step in _STEPS:
        if step * width >= span * (len(_text(start, step, zone)) + _APART):
            break
    offset = to_datetime(start, zone).utcoffset()
    shift = 0 if offset is None else round(offset.total_seconds()) * SECOND
    time = -(-(start + shift) // step) * step - shift
    while time <= end:
        yield _text(time, step, zone), (time - start) * width // span
        time += step


def _text(time: int, step: int, zone: Zone) -> str:
    return to_datetime(time, zone).strftime("%H:%M" if step >= MINUTE else "%H:%M:%S")
