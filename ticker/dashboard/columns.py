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
from ticker.board.columns import Align, Column, Presence

SPACE: Final = 2
"""Cells between two columns."""
_MARGIN: Final = 1
"""Cells on either side of all columns."""
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
    natural: int = 0
    """The width of its widest text at the time of the layout (cells)."""
    tail: int = 0
    """If a text is cut, this many of its last characters stay (they tell symbols apart)."""

    def outgrown(self, text: str) -> bool:
        """Tell whether `text` is wider than all texts were at the time of the layout."""
        if not self.after:
            return _size(text) > max(self.width, self.natural)
        before, after = split_point(text)
        return before + max(after, self.after) > self.natural


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


def _size(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, place: PlacedColumn) -> str:
    """Return `text` aligned in its place: exactly `place.width` cells."""
    width = place.width
    if place.column.align is Align.POINT:
        text += " " * (place.after - split_point(text)[1]) if text else ""
    size = _size(text)
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
        self._sizes = {column.key: (0, 0) for column in columns}
        """Column → its greatest sizes before and from the decimal point on (cells)."""

    def take(self, row: Row, age: Age) -> None:
        """Add the texts of a row."""
        self.symbols[row.symbol] = None
        for column in self.columns:
            if not column.is_drawn:
                text = column.text(row, age)
                size = split_point(text) if column.align is Align.POINT else (_size(text), 0)
                before, after = self._sizes[column.key]
                self._sizes[column.key] = max(size[0], before), max(size[1], after)

    def natural(self, column: Column) -> tuple[int, int]:
        """Return the width of a column's widest text, and of its part from the point on (cells)."""
        before, after = self._sizes[column.key]
        return before + after, after


def placed(measured: Measured, width: int) -> ColumnLayout:
    """Lay out the columns of `measured` on `width` cells.

    Columns are as wide as their widest text, up to their limit. If they do not fit, first the
    optional columns are left out, then words shrink, then the least important columns are left out.
    Free cells go to texts that are wider than their limit.
    """
    if not measured.symbols:
        return ColumnLayout((), width)
    drafts = [_draft(column, *measured.natural(column)) for column in measured.columns]
    empty = tuple(draft.column for draft in drafts if draft.is_empty)
    room = max(0, width - 2 * _MARGIN)
    chosen = _chosen([draft for draft in drafts if not draft.is_empty], room, measured.symbols)
    _shrink(chosen, _total(chosen) - room)
    _grow(chosen, room - _total(chosen))
    places: list[PlacedColumn] = []
    start = _MARGIN
    for draft in chosen:
        final = min(draft.width, max(1, width - start))
        is_cut_symbol = draft.column.importance == 0 and draft.natural > final
        tail = _tail(measured.symbols, final)[0] if is_cut_symbol else 0
        places.append(PlacedColumn(draft.column, start, final, draft.after, draft.natural, tail))
        start += final + SPACE
    return ColumnLayout(tuple(places), width, empty)


@dataclass(slots=True)
class _Draft:
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
        return min(self.width, column.least if column.width is None else 0) or self.width


def _draft(column: Column, natural: int, after: int) -> _Draft:
    # With room for an arrow, which shows that this column sorts.
    heading = len(column.title) + 2 if column.is_titled else 0
    if column.width is not None:
        return _Draft(column, column.width, natural, after if natural <= column.width else 0)
    if column.is_drawn:
        return _Draft(column, column.most, column.most, 0)
    arrow = _ARROW if column.is_marked else 0
    # A titled column without texts needs room for its heading only.
    least = column.least if natural or not heading else 0
    width = max(heading, min(column.most, max(natural, least) + arrow))
    return _Draft(column, width, natural, after if natural <= column.most else 0, arrow)


def _total(chosen: Sequence[_Draft]) -> int:
    return sum(draft.width for draft in chosen) + SPACE * (len(chosen) - 1)


def _least(chosen: Sequence[_Draft]) -> int:
    return sum(draft.least for draft in chosen) + SPACE * (len(chosen) - 1)


def _chosen(drafts: Sequence[_Draft], room: int, symbols: Collection[str]) -> list[_Draft]:
    """Return the columns that fit."""
    chosen = list(drafts)
    guests = [draft for draft in chosen if draft.column.presence is Presence.WITH_ROOM]
    guests.sort(key=_importance)
    while guests and _total(chosen) > room:
        chosen.remove(guests.pop())
    while len(chosen) > _LAST and _least(chosen) > room:
        chosen.remove(max(chosen, key=_importance))
    if _least(chosen) > room:
        for draft in chosen:  # still too wide: use the arrow's room
            draft.width -= min(draft.arrow, draft.width - max(1, draft.natural))
            draft.arrow = 0
    if len(chosen) == _LAST and _least(chosen) > room:
        # Cut the symbols if no two of them then look alike. Otherwise leave out the price.
        symbol, price = sorted(chosen, key=_importance)
        left = room - SPACE - price.width
        if left > 1 and _tail(symbols, left)[1] == 0:
            symbol.width = left
        else:
            chosen.remove(price)
    return chosen


def _importance(draft: _Draft) -> float:
    return draft.column.importance


def _shrink(chosen: Sequence[_Draft], surplus: int) -> None:
    """Take `surplus` cells away from the columns of words, the least important first."""
    for draft in sorted(chosen, key=_importance, reverse=True):
        taken = max(0, min(surplus, draft.width - draft.least))
        draft.width -= taken
        surplus -= taken


def _grow(chosen: Sequence[_Draft], free: int) -> None:
    """Give `free` cells to columns with cut texts, the most important first."""
    for draft in sorted(chosen, key=_importance):
        if draft.column.width is None:
            given = max(0, min(free, draft.natural + draft.arrow - draft.width))
            draft.width += given
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
