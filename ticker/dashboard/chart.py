"""The chart of one symbol's day: line or candles, the previous close, the last price as a tag.

Pure: bars in, lines of styled pieces out. The chart shows the whole day, with a margin at the
right. A line breaks at each time without prices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from operator import itemgetter
from typing import Final

from ticker.dashboard.axes import round_prices, time_axis
from ticker.dashboard.candles import HALVES, draw_candles, fit_candles
from ticker.dashboard.canvas import DOWN, Break, Canvas, draw, scale, stretches
from ticker.figures import price_text
from ticker.records import Bar
from ticker.times import Zone, format_duration
from ticker.units import MINUTE

_FAR: Final = 1.5
"""The previous close is shown unless it is further away than this × the day's range."""
_MARGIN: Final = 2
"""Free cells after the newest price."""
_LEAST_WIDTH, _LEAST_HEIGHT = 8, 2


class Ink(Enum):
    """What a piece of a chart is."""

    LINE = "line"
    UP = "a candle that rose"
    DOWN = "a candle that fell"
    CLOSE = "previous close"
    LABEL = "label"
    TAG = "last price"


Piece = tuple[str, Ink]


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw."""

    bars: Sequence[Bar]
    """Oldest first."""
    span: int
    """The length of each bar (µs)."""
    last: float
    """The newest price."""
    places: int
    """The decimals of the prices."""
    previous_close: float | None = None
    breaks: Sequence[Break] = ()
    is_candles: bool = False


@dataclass(frozen=True, slots=True)
class _Picture:
    """The drawn prices."""

    grid: list[list[Piece]]
    row_of: Callable[[float], int]
    """Price → line of cells."""
    start: int
    end: int
    """The time (µs) at the right edge."""
    name: str


def chart_lines(chart: Chart, width: int, height: int, zone: Zone) -> list[list[Piece]]:
    """Return `height` lines of `width` cells; the last has the times. Empty if room is short."""
    if not chart.bars:
        return []
    low, high = _bounds(chart)
    label_width = max(len(price_text(price, chart.places)) for price in (low, high, chart.last)) + 2
    across, down = width - label_width - _MARGIN, height - 1
    if across < _LEAST_WIDTH or down < _LEAST_HEIGHT:
        return []
    paint = _candles if chart.is_candles else _line
    picture = paint(chart, across, down, low, high)
    marks = _marks(chart, low, high, down, picture.row_of)
    lines = [
        _labelled(cells, marks.get(y), chart, label_width) for y, cells in enumerate(picture.grid)
    ]
    times = time_axis(picture.start, picture.end, across, zone)
    room = width - across
    return [*lines, [(times + f" {picture.name}".rjust(room)[:room], Ink.LABEL)]]


def _bounds(chart: Chart) -> tuple[float, float]:
    low = min(chart.last, *(bar.low for bar in chart.bars))
    high = max(chart.last, *(bar.high for bar in chart.bars))
    close, size = chart.previous_close, high - low
    if close is not None and low - size * _FAR <= close <= high + size * _FAR:
        low, high = min(low, close), max(high, close)
    return low, high


def _line(chart: Chart, across: int, down: int, low: float, high: float) -> _Picture:
    canvas = Canvas(across, down)
    row_of = scale(low, high, canvas.dots_down)
    newest = chart.bars[-1].time + chart.span
    start = chart.bars[0].time
    end = max(newest, start + MINUTE)
    columns = stretches(
        [bar.time for bar in chart.bars],
        [bar.close for bar in chart.bars],
        canvas.dots_across,
        start=start,
        end=end - 1,
        # Nothing is known yet after the newest price.
        breaks=[*chart.breaks, (newest, end)],
    )
    draw(canvas, columns, row_of)
    grid = [[(cell, Ink.LINE) for cell in line] for line in canvas.lines()]
    return _Picture(grid, lambda price: row_of(price) // DOWN, start, end, "")


def _candles(chart: Chart, across: int, down: int, low: float, high: float) -> _Picture:
    candles = fit_candles(chart.bars, chart.span, across)
    row_of = scale(low, high, down * HALVES)
    drawn = draw_candles(candles, across, down, row_of)
    return _Picture(
        [[(cell, Ink.UP if is_up else Ink.DOWN) for cell, is_up in line] for line in drawn],
        lambda price: row_of(price) // HALVES,
        candles.start,
        candles.start + across * candles.span // candles.pitch,
        format_duration(candles.span),
    )


def _marks(
    chart: Chart, low: float, high: float, down: int, row_of: Callable[[float], int]
) -> dict[int, tuple[float, Ink]]:
    """Return line → the label beside it. On a shared line, the last price wins, then the close."""
    prices = round_prices(low, high, down, chart.places)
    at = {row_of(price): (price, Ink.LABEL) for price in prices}
    close = chart.previous_close
    if close is not None and low <= close <= high:
        at[row_of(close)] = (close, Ink.CLOSE)
    at[row_of(chart.last)] = (chart.last, Ink.TAG)
    return at


def _labelled(
    cells: list[Piece], mark: tuple[float, Ink] | None, chart: Chart, label_width: int
) -> list[Piece]:
    """Return a line of the picture with its margin and the price beside it."""
    cells = [*cells, *[(" ", Ink.LINE)] * _MARGIN]
    label = (" " * label_width, Ink.LABEL)
    if mark is not None:
        price, ink = mark
        if ink is Ink.CLOSE:  # a dashed line in the cells that the prices leave free
            cells = [("╌", ink) if cell == " " else (cell, own) for cell, own in cells]
        head = "◀" if ink is Ink.TAG else " "
        label = (f"{head}{price_text(price, chart.places)}".ljust(label_width), ink)
    runs = groupby(cells, key=itemgetter(1))
    return [*(("".join(cell for cell, _ in run), ink) for ink, run in runs), label]
