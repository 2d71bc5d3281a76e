"""Which columns fit a width, and how wide each is.

Pure: rows and ages in, places and widths out. Where the width is short, the least important column
leaves. A figure that does not fit its column is `…` as a whole, never a shorter, wrong number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size

from ticker.board import Age, Row
from ticker.board.columns import COLUMNS, Align, Column

SPACE: Final = 2
"""Cells between two columns."""
_LAST: Final = 2
"""So many columns stay to the last: price and symbol, whose importance is below this."""


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """A column on the screen: where it begins (cells from the left), how wide it is."""

    column: Column
    start: int
    width: int
    after: int = 0
    """Of the width: cells from the decimal point on."""
    wish: int = 0
    """As wide as its texts were when it was laid out, up to the column's limit (cells)."""

    def outgrown(self, text: str) -> bool:
        """Whether `text` needs more room than any did when the column was laid out."""
        before, after = split_point(text) if self.after else (len(text), 0)
        size = before + max(after, self.after)
        return size > self.wish and self.wish < self.column.most


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """The columns that fit, from left to right."""

    places: tuple[PlacedColumn, ...]
    width: int

    def at(self, x: int) -> Column | None:
        """The column under cell `x`, with half the space beside it."""
        for place in self.places:
            if place.start - 1 <= x < place.start + place.width + 1:
                return place.column
        return None


def split_point(text: str) -> tuple[int, int]:
    """Cells before the decimal point, and from it on."""
    head, point, tail = text.partition(".")
    return len(head), len(point) + len(tail)


def fit(text: str, place: PlacedColumn) -> str:
    """`text` as it stands in its place: exactly `place.width` cells."""
    width = place.width
    if place.column.align is Align.POINT:
        text += " " * (place.after - split_point(text)[1]) if text else ""
    size = len(text) if text.isascii() else cell_len(text)
    if size > width:
        if place.column.is_figure:
            return "…".rjust(width)
        return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width)
    padding = " " * (width - size)
    return text + padding if place.column.align is Align.LEFT else padding + text


def lay_out(
    rows: Iterable[tuple[Row, Age]],
    width: int,
    *,
    margin: int = 1,
    columns: Sequence[Column] = COLUMNS,
) -> ColumnLayout:
    """Those of `columns` for these rows on `width` cells, `margin` left free on either side.

    Columns are as wide as their widest text, up to their limit, and do not come and go with what
    the rows happen to say. While all do not fit, words shrink,
    then the least important column leaves.
    """
    rows = list(rows)
    if not rows:
        return ColumnLayout((), width)
    wishes = [_wish(column, rows) for column in columns]
    room = max(0, width - 2 * margin)
    chosen = list(wishes)
    while len(chosen) > 1 and _least(chosen) > room:
        chosen.remove(max(chosen, key=lambda wish: wish[0].importance))
    surplus = max(0, sum(w for _, w, _ in chosen) + SPACE * (len(chosen) - 1) - room)
    places: list[PlacedColumn] = []
    start = margin
    wished = {column.key: wish for column, wish, _ in chosen}
    for column, wish, after in _shrunk(chosen, surplus):
        final = min(wish, max(1, width - start))
        places.append(PlacedColumn(column, start, final, after, wished[column.key]))
        start += final + SPACE
    return ColumnLayout(tuple(places), width)


_Wish = tuple[Column, int, int]
"""A column, its width, and the part of it from the decimal point on."""


def _wish(column: Column, rows: Sequence[tuple[Row, Age]]) -> _Wish:
    heading = len(column.title) + 2 if column.is_titled else 0
    if column.is_drawn:
        return column, column.most, 0
    texts = [column.text(row, age) for row, age in rows]
    if column.align is Align.POINT:
        parts = [split_point(text) for text in texts]
        before = max(part[0] for part in parts)
        after = max(part[1] for part in parts)
        width = before + after
        after = after if width <= column.most else 0
    else:
        after = 0
        width = max(len(text) if text.isascii() else cell_len(text) for text in texts)
    # Room for an arrow before a price: what moved is told by more than colour.
    arrow = 2 if column.is_marked else 0
    # A heading is never cut: its arrow is how one sees what sorts.
    return column, max(heading, min(column.most, max(width, column.least) + arrow)), after


def _least(chosen: Sequence[_Wish]) -> int:
    """The cells that these take at least. A symbol is cut only beside nothing but its price."""
    is_last = len(chosen) <= _LAST
    least = sum(
        min(width, column.least or width) if is_last or column.importance >= _LAST else width
        for column, width, _ in chosen
    )
    return least + SPACE * (len(chosen) - 1)


def _shrunk(chosen: Sequence[_Wish], surplus: int) -> list[_Wish]:
    """Take `surplus` cells from the columns of words, the least important first."""
    widths = {column.key: width for column, width, _ in chosen}
    for column, width, _ in sorted(chosen, key=lambda wish: -wish[0].importance):
        if column.least and surplus > 0:
            given = min(surplus, max(0, width - column.least))
            widths[column.key] -= given
            surplus -= given
    return [(column, widths[column.key], after) for column, _, after in chosen]
