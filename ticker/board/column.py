"""What a column is: its title, text, style, width, order and importance. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ticker.board.freshness import Age
from ticker.board.row import Row
from ticker.records import Quote


class Align(Enum):
    """How a text stands in its column."""

    LEFT = "left"
    RIGHT = "right"
    POINT = "decimal point"


class Style(Enum):
    """What a cell looks like, by name."""

    SYMBOL = "symbol"
    PRICE = "price"
    STALE_PRICE = "stale price"
    UP = "up"
    DOWN = "down"
    TEXT = "text"
    DIM = "dim"
    WARNING = "warning"


def change_style(text: str, age: Age) -> Style:
    """Return the style of a signed amount; dim if it may be old."""
    match text.strip()[:1]:
        case "+" if not age.is_trouble:
            return Style.UP
        case "-" if not age.is_trouble:
            return Style.DOWN
        case _:
            return Style.DIM


class Presence(Enum):
    """When a column is on a screen whose user chose none."""

    ALWAYS = "always"
    """As far as there is room for it."""
    WHERE_KNOWN = "where known"
    """The same, while some row has something to say in it."""
    WITH_ROOM = "with room"
    """Only while nothing else is cut for it, and some row has something to say in it."""
    ON_WISH = "on wish"
    """Only where it was chosen."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it says, how, and what becomes of it where room is short."""

    key: str
    """The field's name: in options, the configuration and `Sort`."""
    title: str
    text: Callable[[Row | Quote, Age], str]
    """Escaped."""
    align: Align
    importance: float
    """0 stays to the last; the column with the highest number leaves first."""
    most: int
    """The widest it may be while another column wants the room (cells)."""
    least: int = 0
    """A column of words may shrink to this before it leaves; 0: it never shrinks."""
    presence: Presence = Presence.ALWAYS
    width: int | None = None
    """The width that a user chose (cells); `None`: as wide as its texts."""
    is_figure: bool = False
    """A figure is shown whole or not at all."""
    is_titled: bool = True
    """Whether the dashboard shows the title; where not, the cells speak for themselves."""
    is_marked: bool = False
    """Whether a change is marked for a moment, with an arrow."""
    is_drawn: bool = False
    """Whether a screen draws it, where text alone cannot say it; `text` is empty then."""
    is_filtered: bool = False
    """Whether a filter looks into it."""
    style: Callable[[str, Age], Style] = lambda _text, _age: Style.DIM
    """Of the text as it is shown."""
    sort_key: Callable[[Row], Any] | None = None
    """What rows are sorted by; `None` of a row: it comes last. Without one: no order by it."""
    is_greatest_first: bool = False
    """Whether one wants to see the greatest first."""
