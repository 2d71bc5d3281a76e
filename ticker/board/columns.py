"""The columns of a board: for each field its title, text, style, width, order and importance.

Only this module and `owner_columns` define them. The dashboard, sorting, filters and printed tables
use them. Pure: a row and its age in, a text and the name of a style out. The dashboard chooses
colours and positions.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from ticker.board.column import Align, Column, Presence, Style, change_style, figures
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

__all__ = ["Align", "Column", "Presence", "Style"]
__all__ += ["BY_KEY", "COLUMNS", "DEFAULTS", "OWNER_DEFAULTS"]
__all__ += ["age_text", "places_of", "reason_text"]

_UNITS: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))
_BAR: Final = 11
"""The width of a bar (cells). It is odd, so a bar has a middle."""
_NO_PRICE: Final = 1.0
"""A row without a price has the decimals of this price."""


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


def places_of(row: Row | Quote) -> int:
    """Return how many decimals the prices of `row` have."""
    return decimals(row.price if row.price is not None else _NO_PRICE, row.price_hint)


def _drawn(_row: Row | Quote, _age: Age) -> str:
    return ""


def _name(row: Row) -> str | None:
    return row.name.casefold() if row.name else None


def _price(row: Row | Quote, _age: Age) -> str:
    return price_text(row.price, places_of(row))


def _change(row: Row | Quote, _age: Age) -> str:
    if row.price is None or row.day_change is None or not is_change_current(row):
        return ""
    return change_text(row.day_change, places_of(row))


def _percent(row: Row | Quote, _age: Age) -> str:
    return percent_text(row.day_change_percent) if is_change_current(row) else ""


def _delay(row: Row | Quote, _age: Age) -> str:
    return format_duration(row.delay) if row.delay else ""


def _age(_row: Row | Quote, age: Age) -> str:
    return age_text(age)


def _ago(row: Row) -> int | None:
    return None if row.time is None else -row.time


def _reason(_row: Row | Quote, age: Age) -> str:
    return reason_text(age)


def _price_style(_text: str, age: Age) -> Style:
    return Style.STALE_PRICE if age.is_trouble else Style.PRICE


def _age_style(_text: str, age: Age) -> Style:
    return Style.WARNING if age.is_trouble else Style.DIM


def _spread(row: Row | Quote) -> float | None:
    return None if row.bid is None or row.ask is None else row.ask - row.bid


def _share(row: Row | Quote, low: str, high: str) -> float | None:
    """Return where the price lies from `low` (0) to `high` (1); `None` if unknown."""
    bottom, top = getattr(row, low), getattr(row, high)
    if row.price is None or bottom is None or top is None or not bottom < top:
        return None
    return float(min(1.0, max(0.0, (row.price - bottom) / (top - bottom))))


def _words(key: str, title: str, importance: float, **more: Any) -> Column:
    """Return a column of a field's words. `more` are fields of `Column`."""
    get = attrgetter(key)

    def text(row: Row | Quote, _age: Age) -> str:
        return escape(get(row) or "")

    return Column(key, title, importance, text, **{"sort_key": get} | more)


def _amounts(key: str, title: str, importance: float, **more: Any) -> Column:
    """Return a column of an amount in few digits. `more` are fields of `Column`."""
    get = attrgetter(key)
    return figures(key, title, importance, lambda row, _age: amount_text(get(row)), **more)


def _prices(
    key: str,
    title: str,
    importance: float,
    presence: Presence = Presence.WITH_ROOM,
    get: Callable[[Row | Quote], float | None] | None = None,
) -> Column:
    """Return a column of prices in the row's own decimals; `get` returns one (default: `key`)."""
    price_of: Callable[[Row | Quote], float | None] = get or attrgetter(key)

    def text(row: Row | Quote, _age: Age) -> str:
        price = price_of(row)
        if price is None:
            return ""
        # A small bid, ask or spread may need more decimals than the price.
        finer = decimals(price) if 0 < abs(price) < 1e-2 else 0  # noqa: PLR2004  below 2 decimals
        return price_text(price, max(places_of(row), finer))

    return figures(
        key, title, importance, text, Align.POINT, most=32, presence=presence, sort_key=price_of
    )


def _bar(key: str, title: str, importance: float, low: str, high: str) -> Column:
    """Return a column with a line from `low` to `high` and the price on it."""

    def text(row: Row | Quote, _age: Age) -> str:
        share = _share(row, low, high)
        if share is None:
            return ""
        at = round(share * (_BAR - 1))
        return "─" * at + "●" + "─" * (_BAR - 1 - at)

    return Column(
        key,
        title,
        importance,
        text,
        most=_BAR,
        presence=Presence.WITH_ROOM,
        sort_key=lambda row: _share(row, low, high),
        is_greatest_first=True,
    )


def _times(key: str, title: str, importance: float) -> Column:
    """Return a column of times. The screen writes them, because it knows the time zone."""
    return Column(
        key,
        title,
        importance,
        _drawn,
        most=19,
        least=8,
        presence=Presence.ON_WISH,
        is_drawn=True,
        sort_key=attrgetter(key),
        is_greatest_first=True,
    )


_POINT, _ROOM, _WISH = Align.POINT, Presence.WITH_ROOM, Presence.ON_WISH

COLUMNS: Final = (
    _words("symbol", "Symbol", 0, most=256, is_filtered=True, style=lambda *_: Style.SYMBOL),
    _words("name", "Name", 8, most=48, least=10, is_filtered=True, sort_key=_name),
    figures("price", "Price", 1, _price, _POINT, most=34, is_marked=True, style=_price_style),
    _words("currency", "Currency", 5, most=5, least=3, is_titled=False),
    figures("day_change", "Change", 6, _change, _POINT, most=16, style=change_style),
    figures("day_change_percent", "%", 2, _percent, most=10, style=change_style),
    *OWNED,
    Column("sparkline", "Day", 9, _drawn, most=20, least=10, is_drawn=True),
    _bar("day_range", "Day range", 12, "day_low", "day_high"),
    _amounts("volume", "Volume", 11, most=9),
    _prices("bid", "Bid", 14),
    _prices("ask", "Ask", 15),
    _prices("spread", "Spread", 21, get=_spread),
    _prices("previous_close", "Close", 16),
    _prices("open", "Open", 17),
    _prices("day_low", "Low", 18),
    _prices("day_high", "High", 19),
    _bar("fifty_two_week_range", "52 weeks", 13, "fifty_two_week_low", "fifty_two_week_high"),
    _prices("fifty_two_week_low", "52w low", 25),
    _prices("fifty_two_week_high", "52w high", 26),
    _amounts("market_cap", "Cap", 20, most=11, presence=_ROOM),
    _prices("previous_price", "Before", 27, _WISH),
    _amounts("size", "Size", 28, most=11, presence=_WISH),
    _words("session", "Session", 10, most=8, presence=_ROOM),
    _words("kind", "Kind", 22, most=14, least=6, presence=_ROOM),
    _words("exchange", "Exchange", 23, most=16, least=10, presence=_ROOM),
    _words("source", "Source", 24, most=14, least=8, presence=_ROOM),
    _words("origin", "Origin", 29, most=12, least=8, presence=_WISH),
    _amounts("sequence", "Sequence", 30, most=11, presence=_WISH),
    _times("time", "Time", 31),
    _times("received", "Received", 32),
    figures("delay", "Delay", 33, _delay, most=8, presence=_WISH, is_greatest_first=False),
    # The youngest price comes first: a later time is a smaller age.
    figures(
        "age", "Age", 3, _age, most=4, style=_age_style, sort_key=_ago, is_greatest_first=False
    ),
    Column("reason", "Reason", 4, _reason, most=60, least=14, is_titled=False, style=_age_style),
)
"""All columns, in the order of the screen."""

BY_KEY: Final = {column.key: column for column in COLUMNS}

OWNER_DEFAULTS: Final = tuple(each for each in COLUMNS if each.presence is not Presence.ON_WISH)
"""The default columns with holdings."""

DEFAULTS: Final = tuple(column for column in OWNER_DEFAULTS if column not in OWNED)
"""The default columns without holdings."""
