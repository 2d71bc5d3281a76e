"""Lines of braille: a cell has two columns and four rows of dots.

Pure: points in, text out. Knows no colours. A canvas ignores dots outside its bounds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

ACROSS: Final = 2
"""Columns of dots in a cell."""
DOWN: Final = 4
"""Rows of dots in a cell."""
_BLANK: Final = 0x2800
_BITS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot, by row and column."""

_UPRIGHT: Final = tuple(
    tuple(
        tuple(
            sum(_BITS[row][side] for row in range(min(one, other), max(one, other) + 1))
            for other in range(DOWN)
        )
        for one in range(DOWN)
    )
    for side in range(ACROSS)
)
"""The bits of the dots from one row to another, indexed by column, first row and last row."""

Break = tuple[int, int]
"""A time without prices: its start and its end (µs, end exclusive)."""


class Canvas:
    """A grid of dots, `width` by `height` cells. Dot (0, 0) is at the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.dots_across = width * ACROSS
        self.dots_down = height * DOWN
        self._cells = [[0] * width for _ in range(height)]

    def dot(self, x: int, y: int) -> None:
        """Set a dot."""
        if 0 <= x < self.dots_across and 0 <= y < self.dots_down:
            self._cells[y // DOWN][x // ACROSS] |= _BITS[y % DOWN][x % ACROSS]

    def upright(self, x: int, first: int, last: int) -> None:
        """Set the dots of column `x` from row `first` to row `last`, in either direction."""
        for y in range(min(first, last), max(first, last) + 1):
            self.dot(x, y)

    def lines(self) -> list[str]:
        """Return the text of each line. A cell without dots is a blank."""
        return ["".join(chr(_BLANK | bits) if bits else " " for bits in row) for row in self._cells]


class Stretch(NamedTuple):
    """The prices in one column of dots."""

    low: float
    high: float
    last: float


def stretches(
    times: Sequence[int],
    prices: Sequence[float],
    columns: int,
    *,
    start: int,
    end: int,
    breaks: Iterable[Break] = (),
) -> list[Stretch | None]:
    """Divide the time from `start` to `end` (µs, inclusive) into `columns`.

    A price holds until the next one. A column is `None` before the first price, and if a break
    touches it and it has no price of its own.
    """
    span = max(1, end - start + 1)
    cuts = [bisect_left(times, start + span * at // columns) for at in range(columns + 1)]
    found: list[Stretch | None] = []
    for first, after in pairwise(cuts):
        if after > first:
            some = prices[first:after]
            found.append(Stretch(min(some), max(some), some[-1]))
        elif first:
            held = prices[first - 1]
            found.append(Stretch(held, held, held))
        else:
            found.append(None)
    for at in _dark(breaks, columns, start, span):
        if cuts[at] == cuts[at + 1]:
            found[at] = None
    return found


def _dark(breaks: Iterable[Break], columns: int, start: int, span: int) -> set[int]:
    """Return the columns that a break touches. `columns` divide the `span` from `start` (µs)."""
    dark: set[int] = set()
    for begin, until in breaks:
        if until > start and begin < start + span:
            first = max(0, (begin - start) * columns // span)
            dark.update(range(first, min(columns, (until - 1 - start) * columns // span + 1)))
    return dark


def scale(low: float, high: float, dots: int) -> Callable[[float], int]:
    """Return a function from price to row of dots: `high` is at the top.

    If `low` and `high` are equal, the row is in the middle.
    """
    size = high - low
    if not 0 < size < float("inf"):
        return lambda _price: dots // 2
    by = (dots - 1) / size
    return lambda price: round((high - price) * by)


def draw(canvas: Canvas, columns: Sequence[Stretch | None], row: Callable[[float], int]) -> None:
    """Draw a line through `columns`, one for each column of dots. `None` breaks the line."""
    before: int | None = None
    for x, stretch in enumerate(columns):
        if stretch is None:
            before = None
            continue
        top, bottom = row(stretch.high), row(stretch.low)
        if before is not None:  # a step is drawn in full, so that the line has no hole
            top, bottom = min(top, before), max(bottom, before)
        canvas.upright(x, top, bottom)
        before = row(stretch.last)


def sparkline(
    times: Sequence[int],
    prices: Sequence[float],
    width: int,
    *,
    end: int,
    breaks: Iterable[Break] = (),
) -> str:
    """Return the sparkline in `width` cells, from the first time to `end` (µs, exclusive).

    For speed, each column of dots shows only the last price of its time.
    """
    if not times or width <= 0:
        return " " * max(0, width)
    count, first = width * ACROSS, times[0]
    span = max(1, end - first)
    row_of = scale(min(prices), max(prices), DOWN)
    cuts = [bisect_left(times, first + span * at // count) for at in range(1, count + 1)]
    rows = [row_of(prices[cut - 1]) for cut in cuts]
    dark = _dark(breaks, count, first, span)
    cells = [0] * width
    before = rows[0]
    for x, row in enumerate(rows):
        if x in dark and cuts[x] == (cuts[x - 1] if x else 0):
            before = -1
            continue
        cells[x // ACROSS] |= _UPRIGHT[x % ACROSS][row if before < 0 else before][row]
        before = row
    return "".join([chr(_BLANK | bits) if bits else " " for bits in cells])
