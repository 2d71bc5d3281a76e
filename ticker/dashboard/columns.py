"""Which columns fit a width, and how wide each is.

Pure: rows and ages in, places and widths out. If the width is short, the least important columns
are left out. A figure that does not fit its column is shown as `…`, never as a shorter, wrong
number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size

from ticker.board import Age, Row
from ticker.board.columns import DEFAULTS, Align, Column, Presence

SPACE: Final = 2
"""Cells between two columns."""
_LAST: Final = 2
"""The number of columns that are left out last: symbol and price."""
_ARROW: Final = 2
"""Room for the arrow before a price, because colour alone must not show a move (cells)."""


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """A column on the screen: its left edge and its width (cells)."""

    column: Column
    start: int
    width: int
    after: int = 0
    """The part of the width from the decimal point on (cells)."""
    wish: int = 0
    """The width of its widest text at the time of the layout (cells)."""
    tail: int = 0
    """If a text is cut, this many of its last characters stay (they tell symbols apart)."""

    def outgrown(self, text: str) -> bool:
        """Tell whether `text` is wider than all texts were at the time of the layout."""
        size = len(text)
        if size < self.width and text.isascii() and not self.after:
            return False
        before, after = split_point(text) if self.after else (cell_len(text), 0)
        return before + max(after, self.after) > self.wish


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """The columns that fit, from left to right."""

    places: tuple[PlacedColumn, ...]
    width: int
    empty: tuple[Column, ...] = ()
    """Columns that were left out because they are empty in all rows."""

    def at(self, x: int) -> Column | None:
        """Return the column at cell `x`. The space between two columns belongs half to each."""
        for place in self.places:
            if place.start - 1 <= x < place.start + place.width + 1:
                return place.column
        return None


def split_point(text: str) -> tuple[int, int]:
    """Return how many cells are before the decimal point, and how many from it on."""
    head, point, tail = text.partition(".")
    return len(head), len(point) + len(tail)


def fit(text: str, place: PlacedColumn) -> str:
    """Return `text` aligned in its place: exactly `place.width` cells."""
    width = place.width
    if place.column.align is Align.POINT:
        text += " " * (place.after - split_point(text)[1]) if text else ""
    size = len(text) if text.isascii() else cell_len(text)
    if size > width:
        if place.column.is_figure:
            return "…".rjust(width)
        return cut(text, width, place.tail)
    padding = " " * (width - size)
    return text + padding if place.column.align is Align.LEFT else padding + text


def cut(text: str, width: int, tail: int = 0) -> str:
    """Return the beginning of `text`, `…`, and its last `tail` characters, in `width` cells."""
    end = text[len(text) - tail :] if 0 < tail < width else ""
    head = set_cell_size(text, max(0, width - 1 - cell_len(end))).rstrip()
    return set_cell_size(f"{head}…{end}", width)


class Measured:
    """The widths of the texts of `columns`. `take` adds a row; the widths never shrink."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.symbols: dict[str, None] = {}
        """The symbols of the rows measured so far."""
        self._before = dict.fromkeys((column.key for column in columns), 0)
        self._after = dict.fromkeys(self._before, 0)

    def take(self, row: Row, age: Age) -> None:
        """Add the texts of a row."""
        self.symbols[row.symbol] = None
        for column in self.columns:
            if column.is_drawn:
                continue
            text = column.text(row, age)
            if column.align is Align.POINT:
                before, after = split_point(text)
                self._after[column.key] = max(self._after[column.key], after)
            else:
                before = len(text) if text.isascii() else cell_len(text)
            self._before[column.key] = max(self._before[column.key], before)

    def natural(self, column: Column) -> tuple[int, int]:
        """Return the width of a column's widest text, and of its part from the point on (cells)."""
        before, after = self._before[column.key], self._after[column.key]
        return before + after, after


def lay_out(
    rows: Iterable[tuple[Row, Age]],
    width: int,
    *,
    margin: int = 1,
    columns: Sequence[Column] = DEFAULTS,
) -> ColumnLayout:
    """Lay out `columns` for these rows on `width` cells, with a `margin` on either side."""
    measured = Measured(columns)
    for row, age in rows:
        measured.take(row, age)
    return placed(measured, width, margin=margin)


def placed(measured: Measured, width: int, *, margin: int = 1) -> ColumnLayout:
    """Lay out the columns of `measured` on `width` cells, with a `margin` on either side.

    Columns are as wide as their widest text, up to their limit. If they do not fit, first the
    optional columns are left out, then words shrink, then the least important columns are left out.
    Free cells go to texts that are wider than their limit.
    """
    if not measured.symbols:
        return ColumnLayout((), width)
    wishes = [_wish(column, *measured.natural(column)) for column in measured.columns]
    empty = tuple(wish.column for wish in wishes if wish.is_empty)
    room = max(0, width - 2 * margin)
    chosen = _chosen([wish for wish in wishes if not wish.is_empty], room, measured.symbols)
    surplus = _total(chosen) - room
    if surplus > 0:
        _shrink(chosen, surplus)
    else:
        _grow(chosen, -surplus)
    places: list[PlacedColumn] = []
    start = margin
    for wish in chosen:
        final = min(wish.width, max(1, width - start))
        is_cut_symbol = wish.column.importance == 0 and wish.natural > final
        tail = _tail(measured.symbols, final)[0] if is_cut_symbol else 0
        places.append(PlacedColumn(wish.column, start, final, wish.after, wish.natural, tail))
        start += final + SPACE
    return ColumnLayout(tuple(places), width, empty)


@dataclass(slots=True)
class _Wish:
    """A column, its width, and the width that its texts need (cells)."""

    column: Column
    width: int
    natural: int
    after: int
    arrow: int = 0

    @property
    def is_empty(self) -> bool:
        """Tell whether it is left out because it is empty."""
        presence = self.column.presence
        return presence in (Presence.WITH_ROOM, Presence.WHERE_KNOWN) and not self.natural

    @property
    def least(self) -> int:
        """Return its least width (cells). Symbols and figures do not shrink."""
        column = self.column
        if column.least and column.width is None:
            return min(self.width, column.least)
        return self.width


def _wish(column: Column, natural: int, after: int) -> _Wish:
    # With room for an arrow, which shows that this column sorts.
    heading = len(column.title) + 2 if column.is_titled else 0
    if column.width is not None:
        after = after if natural <= column.width else 0
        return _Wish(column, column.width, natural, after)
    if column.is_drawn:
        return _Wish(column, column.most, column.most, 0)
    arrow = _ARROW if column.is_marked else 0
    # A titled column without texts needs room for its heading only.
    least = column.least if natural or not heading else 0
    width = max(heading, min(column.most, max(natural, least) + arrow))
    return _Wish(column, width, natural, after if natural <= column.most else 0, arrow)


def _total(chosen: Sequence[_Wish]) -> int:
    return sum(wish.width for wish in chosen) + SPACE * (len(chosen) - 1)


def _least(chosen: Sequence[_Wish]) -> int:
    return sum(wish.least for wish in chosen) + SPACE * (len(chosen) - 1)


def _chosen(wishes: Sequence[_Wish], room: int, symbols: Collection[str]) -> list[_Wish]:
    """Return the columns that fit."""
    chosen = list(wishes)
    guests = [wish for wish in chosen if wish.column.presence is Presence.WITH_ROOM]
    guests.sort(key=lambda wish: wish.column.importance)
    while guests and _total(chosen) > room:
        chosen.remove(guests.pop())
    while len(chosen) > _LAST and _least(chosen) > room:
        chosen.remove(max(chosen, key=lambda wish: wish.column.importance))
    if _least(chosen) > room:
        for wish in chosen:  # still too wide: use the arrow's room
            wish.width -= min(wish.arrow, wish.width - max(1, wish.natural))
            wish.arrow = 0
    if len(chosen) == _LAST and _least(chosen) > room:
        # Cut the symbols if no two of them then look alike. Otherwise leave out the price.
        symbol, price = sorted(chosen, key=lambda wish: wish.column.importance)
        left = room - SPACE - price.width
        if left > 1 and _tail(symbols, left)[1] == 0:
            symbol.width = left
        else:
            chosen.remove(price)
    return chosen


def _shrink(chosen: Sequence[_Wish], surplus: int) -> None:
    """Take `surplus` cells away from the columns of words, the least important first."""
    for wish in sorted(chosen, key=lambda wish: -wish.column.importance):
        given = min(surplus, wish.width - wish.least)
        wish.width -= given
        surplus -= given


def _grow(chosen: Sequence[_Wish], free: int) -> None:
    """Give `free` cells to columns with cut texts, the most important first."""
    for wish in sorted(chosen, key=lambda wish: wish.column.importance):
        if wish.column.width is None:
            given = max(0, min(free, wish.natural + wish.arrow - wish.width))
            wish.width += given
            free -= given


def _tail(symbols: Iterable[str], width: int) -> tuple[int, int]:
    """Return how many last characters a cut symbol keeps, and how many `symbols` then look alike.

    The kept ones fill about half of `width` (cells), unless another number tells more symbols
    apart.
    """
    long = [symbol for symbol in symbols if cell_len(symbol) > width]
    best = (0, len(long))
    for tail in sorted(range(width), key=lambda tail: abs(tail - width // 2)):
        alike = len(long) - len({cut(each, width, tail) for each in long})
        if alike < best[1]:
            best = tail, alike
        if not alike:
            break
    return best
