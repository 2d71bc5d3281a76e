"""What a column is: its title, text, style, width, order and importance. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import Any

from ticker.board.freshness import Age
from ticker.board.row import Row
from ticker.records import Quote

CellText = Callable[[Row | Quote, Age], str]
"""Returns the text of a cell, escaped."""


class Align(Enum):
    """How the texts of a column are aligned."""

    LEFT = "left"
    RIGHT = "right"
    POINT = "decimal point"


class Style(Enum):
    """The name of a cell's style."""

    SYMBOL = "symbol"
    PRICE = "price"
    STALE_PRICE = "stale price"
    UP = "up"
    DOWN = "down"
    TEXT = "text"
    DIM = "dim"
    WARNING = "warning"


def sign_style(text: str) -> Style:
    """Return the style of a signed amount; dim if it has no sign."""
    return {"+": Style.UP, "-": Style.DOWN}.get(text.strip()[:1], Style.DIM)


def change_style(text: str, age: Age) -> Style:
    """Return the style of a signed amount that belongs to a price; dim if that may be old."""
    return Style.DIM if age.is_trouble else sign_style(text)


class Presence(Enum):
    """When a screen shows a column, if its user chose none."""

    ALWAYS = "always"
    """If there is room for it."""
    WHERE_KNOWN = "where known"
    """If there is room for it, and it is not empty in all rows."""
    WITH_ROOM = "with room"
    """If no other column is cut for it, and it is not empty in all rows."""
    ON_WISH = "on wish"
    """Only if the user chose it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its texts, their style, and what happens to it if room is short."""

    key: str
    """The name of the column in options, the configuration and `Sort`."""
    title: str
    importance: float
    """If room is short, the column with the highest number is left out first; 0 is never."""
    text: CellText
    align: Align = Align.LEFT
    most: int = 16
    """Its greatest width while another column needs the room (cells)."""
    least: int = 0
    """A column of words may shrink to this (cells) before it is left out; 0: it never shrinks."""
    presence: Presence = Presence.ALWAYS
    width: int | None = None
    """The width that a user chose (cells); `None`: as wide as its texts."""
    is_figure: bool = False
    """Whether its texts are figures: a figure is never cut, because it would be wrong."""
    is_titled: bool = True
    """Whether the dashboard shows the title. Some columns need none."""
    is_marked: bool = False
    """Whether a change is marked for a moment, with an arrow."""
    is_drawn: bool = False
    """Whether a screen draws the cells, because `text` cannot; `text` is always empty then."""
    is_filtered: bool = False
    """Whether a filter searches it."""
    style: Callable[[str, Age], Style] = lambda _text, _age: Style.DIM
    """Returns the style of a cell, given its text as shown."""
    sort_key: Callable[[Row], Any] | None = None
    """Returns what rows are sorted by; rows with `None` come last. `None`: it cannot be sorted."""
    is_greatest_first: bool = False
    """Whether the greatest comes first in its usual order."""


def figures(
    key: str,
    title: str,
    importance: float,
    text: CellText,
    align: Align = Align.RIGHT,
    *,
    sort_key: Callable[[Row], Any] | None = None,
    **more: Any,
) -> Column:
    """Return a column of figures, sorted by `sort_key` (default: the field `key`).

    `more` are fields of `Column`.
    """
    more.setdefault("is_greatest_first", True)
    by = sort_key or attrgetter(key)
    return Column(key, title, importance, text, align, is_figure=True, sort_key=by, **more)
