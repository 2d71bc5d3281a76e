"""Which columns fit a width, how wide each is, and what a row says in each.

Pure: rows and ages in, texts and widths out. Where the width is short, columns leave by priority; a
figure that does not fit its column is `…` as a whole, never a shorter, wrong number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from rich.cells import cell_len, set_cell_size

from ticker.board import Age, Reason, Row
from ticker.escape import escape
from ticker.figures import amount_text, change_text, decimals, percent_text, price_text
from ticker.times import format_duration

SPACE: Final = 2
"""Cells between two columns."""
_SECOND: Final = 1_000_000
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


class Align(Enum):
    """How a text stands in its column."""

    LEFT = "left"
    RIGHT = "right"
    POINT = "decimal point"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, what it says, and what becomes of it when room is short."""

    field: str
    """As `ticker.board.SORTS` names it; a column without such a name cannot be sorted by."""
    heading: str
    text: Callable[[Row, Age], str]
    align: Align
    priority: int
    """0 stays to the last; the highest leaves first."""
    most: int
    """The widest it may be (cells)."""
    least: int = 0
    """A column of words may shrink to this before it leaves; 0: it never shrinks."""
    is_figure: bool = False
    """A figure is shown whole or not at all."""


def _change(row: Row, _age: Age) -> str:
    if row.price is None or row.day_change is None:
        return ""
    return change_text(row.day_change, decimals(row.price, row.price_hint))


def _price(row: Row, _age: Age) -> str:
    return "" if row.price is None else price_text(row.price, decimals(row.price, row.price_hint))


def age_text(age: Age) -> str:
    """`now`, `5s`, `12m`, `3h`, `2d`: the largest unit that is full."""
    if age.micros is None:
        return "–"  # noqa: RUF001  a dash, as tables show what is missing
    seconds = age.micros // _SECOND
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return "now"


def reason_text(age: Age) -> str:
    """Why the price is as old as it is, in a few words; empty while it is fresh."""
    if age.detail:
        return escape(age.detail)
    if age.reason is Reason.DELAYED and age.delay:
        return f"delayed {format_duration(age.delay)}"
    return str(age.reason)


COLUMNS: Final = (
    Column("symbol", "Symbol", lambda row, _: escape(row.symbol), Align.LEFT, 0, 14, 6),
    Column("name", "Name", lambda row, _: escape(row.name or ""), Align.LEFT, 6, 28, 16),
    Column("price", "Price", _price, Align.POINT, 0, 22, is_figure=True),
    Column("currency", "", lambda row, _: escape(row.currency or ""), Align.LEFT, 4, 5, 3),
    Column("day_change", "Change", _change, Align.POINT, 5, 16, is_figure=True),
    Column(
        "day_change_percent",
        "%",
        lambda row, _: percent_text(row.day_change_percent),
        Align.RIGHT,
        1,
        10,
        is_figure=True,
    ),
    Column(
        "volume",
        "Volume",
        lambda row, _: amount_text(row.volume),
        Align.RIGHT,
        8,
        9,
        is_figure=True,
    ),
    Column(
        "session",
        "Session",
        lambda row, _: escape(row.session or ""),
        Align.LEFT,
        7,
        8,
    ),
    Column("age", "Age", lambda _, age: age_text(age), Align.RIGHT, 2, 4, is_figure=True),
    Column("reason", "", lambda _, age: reason_text(age), Align.LEFT, 3, 28, 14),
)
"""In the order of the screen."""


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


def lay_out(rows: Iterable[tuple[Row, Age]], width: int, *, margin: int = 1) -> ColumnLayout:
    """The columns for these rows on `width` cells, `margin` left free on either side.

    Columns are as wide as their widest text, up to their limit, and do not come and go with what
    the rows happen to say. While all do not fit, words shrink,
    then the column of the lowest priority leaves.
    """
    rows = list(rows)
    if not rows:
        return ColumnLayout((), width)
    wishes = [_wish(column, rows) for column in COLUMNS]
    room = max(0, width - 2 * margin)
    chosen = list(wishes)
    while len(chosen) > 1 and _least(chosen) > room:
        chosen.remove(max(chosen, key=lambda wish: wish[0].priority))
    surplus = max(0, sum(w for _, w, _ in chosen) + SPACE * (len(chosen) - 1) - room)
    places: list[PlacedColumn] = []
    start = margin
    wished = {column.field: wish for column, wish, _ in chosen}
    for column, wish, after in _shrunk(chosen, surplus):
        final = min(wish, max(1, width - start))
        places.append(PlacedColumn(column, start, final, after, wished[column.field]))
        start += final + SPACE
    return ColumnLayout(tuple(places), width)


_Wish = tuple[Column, int, int]
"""A column, its width, and the part of it from the decimal point on."""


def _wish(column: Column, rows: Sequence[tuple[Row, Age]]) -> _Wish:
    heading = len(column.heading) + (2 if column.heading else 0)
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
    arrow = 2 if column.field == "price" else 0
    # A heading is never cut: its arrow is how one sees what sorts.
    return column, max(heading, min(column.most, max(width, column.least) + arrow)), after


def _least(chosen: Sequence[_Wish]) -> int:
    return sum(min(w, c.least or w) for c, w, _ in chosen) + SPACE * (len(chosen) - 1)


def _shrunk(chosen: Sequence[_Wish], surplus: int) -> list[_Wish]:
    """Take `surplus` cells from the columns of words, the least important first."""
    widths = {column.field: width for column, width, _ in chosen}
    for column, width, _ in sorted(chosen, key=lambda wish: -wish[0].priority):
        if column.least and surplus > 0:
            given = min(surplus, max(0, width - column.least))
            widths[column.field] -= given
            surplus -= given
    return [(column, widths[column.field], after) for column, _, after in chosen]
