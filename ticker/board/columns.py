"""The columns of a board: for each field its title, text, style, width, order and importance.

Only this module, `fact_columns` and `owner_columns` define them. The dashboard, sorting, filters
and printed tables use them. Pure: a row and its age in, a text and the name of a style out. The
dashboard chooses colours and positions.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Final

from ticker.board.column import Align, Column, Presence, Style, change_style
from ticker.board.fact_columns import DAY_RANGE, MONEY, ORIGINS
from ticker.board.freshness import Age
from ticker.board.owner_columns import OWNED
from ticker.board.row import Row, is_change_current
from ticker.escape import escape
from ticker.figures import amount_text, change_text, decimals, percent_text, price_text
from ticker.health.gaps import gap_words
from ticker.health.reasons import Reason
from ticker.records import Quote
from ticker.times import format_duration
from ticker.units import DAY, HOUR, MINUTE, SECOND

__all__ = [
    "BY_KEY",
    "COLUMNS",
    "DEFAULTS",
    "OWNER_DEFAULTS",
    "Align",
    "Column",
    "Presence",
    "Style",
]
__all__ += ["age_text", "reason_text"]

_UNITS: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))


def age_text(age: Age) -> str:
    """Return the age in its largest full unit: `now`, `5s`, `12m`, `3h`, `2d`; a dash: unknown."""
    if age.micros is None:
        return "–"  # noqa: RUF001  a dash: unknown
    for size, unit in _UNITS:
        if age.micros >= size:
            return f"{age.micros // size}{unit}"
    return "now"


def reason_text(age: Age) -> str:
    """Return a few words on why the price is old, escaped; empty if it is fresh."""
    if age.detail:
        return escape(age.detail)
    if age.reason is Reason.DELAYED and age.delay:
        return f"delayed {format_duration(age.delay)}"
    if age.reason is Reason.GAP and age.gap is not None:
        return gap_words(age.gap)
    return str(age.reason)


def _price(row: Row | Quote, _age: Age) -> str:
    return "" if row.price is None else price_text(row.price, decimals(row.price, row.price_hint))


def _change(row: Row | Quote, _age: Age) -> str:
    if row.price is None or row.day_change is None or not is_change_current(row):
        return ""
    return change_text(row.day_change, decimals(row.price, row.price_hint))


def _word(field: str) -> Callable[[Row | Quote, Age], str]:
    get = attrgetter(field)
    return lambda row, _age: escape(get(row) or "")


def _price_style(_text: str, age: Age) -> Style:
    return Style.STALE_PRICE if age.is_trouble else Style.PRICE


def _age_style(_text: str, age: Age) -> Style:
    return Style.WARNING if age.is_trouble else Style.DIM


COLUMNS: Final = (
    Column(
        "symbol",
        "Symbol",
        _word("symbol"),
        Align.LEFT,
        importance=0,
        most=256,
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
        most=48,
        least=10,
        is_filtered=True,
        sort_key=lambda row: row.name.casefold() if row.name else None,
    ),
    Column(
        "price",
        "Price",
        _price,
        Align.POINT,
        importance=1,
        most=34,
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
        style=change_style,
        sort_key=attrgetter("day_change"),
        is_greatest_first=True,
    ),
    Column(
        "day_change_percent",
        "%",
        lambda row, _: percent_text(row.day_change_percent) if is_change_current(row) else "",
        Align.RIGHT,
        importance=2,
        most=10,
        is_figure=True,
        style=change_style,
        sort_key=attrgetter("day_change_percent"),
        is_greatest_first=True,
    ),
    *OWNED,
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
    DAY_RANGE,
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
    *MONEY,
    Column(
        "session",
        "Session",
        _word("session"),
        Align.LEFT,
        importance=10,
        most=8,
        presence=Presence.WITH_ROOM,
        sort_key=attrgetter("session"),
    ),
    *ORIGINS,
    Column(
        "age",
        "Age",
        lambda _, age: age_text(age),
        Align.RIGHT,
        importance=3,
        most=4,
        is_figure=True,
        style=_age_style,
        # Youngest first: a later time is a smaller age.
        sort_key=lambda row: None if row.time is None else -row.time,
    ),
    Column(
        "reason",
        "Reason",
        lambda _, age: reason_text(age),
        Align.LEFT,
        importance=4,
        most=60,
        least=14,
        is_titled=False,
        style=_age_style,
    ),
)
"""All columns, in the order of the screen."""

BY_KEY: Final = {column.key: column for column in COLUMNS}

OWNER_DEFAULTS: Final = tuple(
    column for column in COLUMNS if column.presence is not Presence.ON_WISH
)
"""The default columns with holdings."""

DEFAULTS: Final = tuple(column for column in OWNER_DEFAULTS if column not in OWNED)
"""The default columns without holdings."""
