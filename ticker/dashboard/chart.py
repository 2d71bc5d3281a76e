"""The chart of one symbol's day: a line of braille, the previous close, the last price as a tag.

Pure: points in, lines of styled pieces out. The chart shows all that is held of the day, broken
where nobody looked, and leaves a margin at the right, where the next prices will come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ticker.dashboard.canvas import DOWN, Break, Canvas, draw, scale, stretches
from ticker.figures import price_text
from ticker.times import Zone, to_datetime
from ticker.units import MINUTE

_FAR: Final = 1.5
"""The previous close is in the picture unless it is further away than this × the day's range."""
_MARGIN: Final = 2
"""Cells that are left free after the newest price."""
_LABELS: Final = 5
"""Times under the chart, beside the first."""
_SHORT: Final = 10 * MINUTE
"""Below this, times are told with seconds (µs)."""
_LEAST_WIDTH, _LEAST_HEIGHT = 8, 2


class Ink(Enum):
    """What a piece of a chart is."""

    LINE = "line"
    CLOSE = "previous close"
    LABEL = "label"
    TAG = "last price"


Piece = tuple[str, Ink]


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw."""

    times: Sequence[int]
    """µs, UTC; oldest first."""
    prices: Sequence[float]
    end: int
    """Where the time of the newest price ends (µs)."""
    last: float
    """The newest price."""
    places: int
    """Decimals of the prices."""
    previous_close: float | None = None
    breaks: Sequence[Break] = ()


def chart_lines(chart: Chart, width: int, height: int, zone: Zone) -> list[list[Piece]]:
    """The chart as `height` lines of `width` cells, the last one the times. Too small: no line."""
    if not chart.times:
        return []
    low, high = _bounds(chart)
    label_width = max(len(price_text(price, chart.places)) for price in (low, high, chart.last)) + 2
    across, down = width - label_width - _MARGIN, height - 1
    if across < _LEAST_WIDTH or down < _LEAST_HEIGHT:
        return []
    canvas = Canvas(across, down)
    row_of = scale(low, high, canvas.dots_down)
    start, end = chart.times[0], max(chart.end, chart.times[0] + MINUTE)
    columns = stretches(
        chart.times,
        chart.prices,
        canvas.dots_across,
        start=start,
        end=end - 1,
        # After the newest price nothing is known yet.
        breaks=[*chart.breaks, (chart.end, end)],
    )
    draw(canvas, columns, row_of)
    at = _marked_rows(chart, low, high, lambda price: row_of(price) // DOWN)
    lines = [_line(text, at.get(y), chart, label_width) for y, text in enumerate(canvas.lines())]
    return [*lines, [(_times(start, end, across, zone).ljust(width), Ink.LABEL)]]


def _bounds(chart: Chart) -> tuple[float, float]:
    low, high = min(*chart.prices, chart.last), max(*chart.prices, chart.last)
    close, size = chart.previous_close, high - low
    if close is not None and low - size * _FAR <= close <= high + size * _FAR:
        low, high = min(low, close), max(high, close)
    return low, high


def _marked_rows(
    chart: Chart, low: float, high: float, row_of: Callable[[float], int]
) -> dict[int, tuple[float, Ink]]:
    """Line → the price that is written beside it. Where two share a line, the later one wins."""
    at = {row_of(high): (high, Ink.LABEL), row_of(low): (low, Ink.LABEL)}
    close = chart.previous_close
    if close is not None and low <= close <= high:
        at[row_of(close)] = (close, Ink.CLOSE)
    at[row_of(chart.last)] = (chart.last, Ink.TAG)
    return at


def _line(text: str, mark: tuple[float, Ink] | None, chart: Chart, label_width: int) -> list[Piece]:
    text += " " * _MARGIN
    if mark is None:
        return [(text, Ink.LINE), (" " * label_width, Ink.LABEL)]
    price, ink = mark
    pieces = [*_over(text, "╌")] if ink is Ink.CLOSE else [(text, Ink.LINE)]
    head = "◀" if ink is Ink.TAG else " "
    pieces.append((f"{head}{price_text(price, chart.places)}".ljust(label_width), ink))
    return pieces


def _over(text: str, dash: str) -> Iterable[Piece]:
    """The line of prices, with a dashed line where it leaves cells free."""
    at = 0
    while at < len(text):
        is_free = text[at] == " "
        until = at
        while until < len(text) and (text[until] == " ") is is_free:
            until += 1
        size = until - at
        yield (dash * size, Ink.CLOSE) if is_free else (text[at:until], Ink.LINE)
        at = until


def _times(start: int, end: int, width: int, zone: Zone) -> str:
    """The times under the line: at its begin, its end, and between where there is room."""
    form, size = ("%H:%M", 5) if end - start >= _SHORT else ("%H:%M:%S", 8)

    def text(time: int) -> str:
        return to_datetime(time, zone).strftime(form)

    count = max(1, min(_LABELS, (width - size) // (size + 8)))
    line = [" "] * width
    for number in range(count + 1):
        at = (width - size) * number // count
        # A label at the left begins where its time is, one at the right ends there.
        moment = start + (end - start) * number // count
        line[at : at + size] = text(moment)
    return "".join(line)[:width]
