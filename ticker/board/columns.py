"""The columns of a board: for each field its title, text, style, width, order and importance.

The only place that knows these: the dashboard's layout, headings and colours, the orders, the
filter and the printed tables follow it. Pure: a row and its age in, text and the name of a style
out. Colours, and where a column stands on a screen, are the screen's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import Any, Final

from ticker.board.freshness import Age
from ticker.board.row import Row
from ticker.escape import escape
from ticker.figures import amount_text, change_text, decimals, percent_text, price_text
from ticker.health.reasons import Reason
from ticker.records import Quote
from ticker.times import format_duration
from ticker.units import DAY, HOUR, MINUTE, SECOND

_UNITS: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))


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


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it says, how, and what becomes of it where room is short."""

    key: str
    """The field's name: in options, the configuration and `Sort`."""
    title: str
    text: Callable[[Row | Quote, Age], str]
    """Escaped."""
    align: Align
    importance: int
    """0 stays to the last; the column with the highest number leaves first."""
    most: int
    """The widest it may be (cells)."""
    least: int = 0
    """A column of words may shrink to this before it leaves; 0: it never shrinks."""
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


def age_text(age: Age) -> str:
    """`now`, `5s`, `12m`, `3h`, `2d`: the largest unit that is full."""
    if age.micros is None:
        return "–"  # noqa: RUF001  a dash, as tables show what is missing
    for size, unit in _UNITS:
        if age.micros >= size:
            return f"{age.micros // size}{unit}"
    return "now"


def reason_text(age: Age) -> str:
    """Why the price is as old as it is, in a few words; empty while it is fresh."""
    if age.detail:
        return escape(age.detail)
    if age.reason is Reason.DELAYED and age.delay:
        return f"delayed {format_duration(age.delay)}"
    return str(age.reason)


def _price(row: Row | Quote, _age: Age) -> str:
    return "" if row.price is None else price_text(row.price, decimals(row.price, row.price_hint))


def _change(row: Row | Quote, _age: Age) -> str:
    if row.price is None or row.day_change is None:
        return ""
    return change_text(row.day_change, decimals(row.price, row.price_hint))


def _word(field: str) -> Callable[[Row | Quote, Age], str]:
    get = attrgetter(field)
    return lambda row, _age: escape(get(row) or "")


def _price_style(_text: str, age: Age) -> Style:
    return Style.STALE_PRICE if age.is_trouble else Style.PRICE


def _change_style(text: str, age: Age) -> Style:
    match text.strip()[:1]:
        case "+" if not age.is_trouble:
            return Style.UP
        case "-" if not age.is_trouble:
            return Style.DOWN
        case _:
            return Style.DIM


def _age_style(_text: str, age: Age) -> Style:
    return Style.WARNING if age.is_trouble else Style.DIM


COLUMNS: Final = (
    Column(
        "symbol",
        "Symbol",
        _word("symbol"),
        Align.LEFT,
        importance=1,
        most=22,
        least=6,
        is_filtered=True,
        style=lambda _text, _age: Style.SYMBOL,
        sort_key=attrgetter("symbol"),
    ),
    Column(
        "name",
        "Name",
        _word("name"),
        Align.LEFT,
        importance=8,
        most=28,
        least=16,
        is_filtered=True,
        style=lambda _text, _age: Style.TEXT,
        sort_key=lambda row: row.name.casefold() if row.name else None,
    ),
    Column(
        "price",
        "Price",
        _price,
        Align.POINT,
        importance=0,
        most=22,
        is_figure=True,
        is_marked=True,
        style=_price_style,
        sort_key=attrgetter("price"),
        is_greatest_first=True,
    ),
    Column(
        "currency",
        "Currency",
        _word("currency"),
        Align.LEFT,
        importance=5,
        most=5,
        least=3,
        is_titled=False,
        sort_key=attrgetter("currency"),
    ),
    Column(
        "day_change",
        "Change",
        _change,
        Align.POINT,
        importance=6,
        most=16,
        is_figure=True,
        style=_change_style,
        sort_key=attrgetter("day_change"),
        is_greatest_first=True,
    ),
    Column(
        "day_change_percent",
        "%",
        lambda row, _: percent_text(row.day_change_percent),
        Align.RIGHT,
        importance=2,
        most=10,
        is_figure=True,
        style=_change_style,
        sort_key=attrgetter("day_change_percent"),
        is_greatest_first=True,
    ),
    Column(
        "sparkline",
        "Day",
        lambda _row, _age: "",
        Align.LEFT,
        importance=9,
        most=20,
        least=10,
        is_drawn=True,
    ),
    Column(
        "volume",
        "Volume",
        lambda row, _: amount_text(row.volume),
        Align.RIGHT,
        importance=11,
        most=9,
        is_figure=True,
        sort_key=attrgetter("volume"),
        is_greatest_first=True,
    ),
    Column(
        "session",
        "Session",
        _word("session"),
        Align.LEFT,
        importance=10,
        most=8,
        sort_key=attrgetter("session"),
    ),
    Column(
        "age",
        "Age",
        lambda _, age: age_text(age),
        Align.RIGHT,
        importance=3,
        most=4,
        is_figure=True,
        style=_age_style,
        # The youngest first: the later the time, the smaller the age.
        sort_key=lambda row: None if row.time is None else -row.time,
    ),
    Column(
        "reason",
        "Reason",
        lambda _, age: reason_text(age),
        Align.LEFT,
        importance=4,
        most=28,
        least=14,
        is_titled=False,
        style=_age_style,
    ),
)
"""In the order of the screen."""

BY_KEY: Final = {column.key: column for column in COLUMNS}
