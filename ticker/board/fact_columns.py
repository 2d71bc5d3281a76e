"""The columns of a quote's fields other than its price, and of values computed from them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Final

from ticker.board.column import Align, Column, Presence
from ticker.board.freshness import Age
from ticker.board.row import Row
from ticker.escape import escape
from ticker.figures import amount_text, decimals, price_text
from ticker.records import Quote
from ticker.times import format_duration

_BAR: Final = 11
"""The width of a bar (cells). It is odd, so a bar has a middle."""
_MOST_PRICE: Final = 32


def _places(row: Row | Quote) -> int:
    return decimals(row.price if row.price is not None else 1.0, row.price_hint)


def _share(row: Row | Quote, low: str, high: str) -> float | None:
    """Return where the price lies from `low` (0) to `high` (1); `None` if unknown."""
    bottom, top = getattr(row, low), getattr(row, high)
    if row.price is None or bottom is None or top is None or not bottom < top:
        return None
    return float(min(1.0, max(0.0, (row.price - bottom) / (top - bottom))))


def _spread(row: Row | Quote) -> float | None:
    return None if row.bid is None or row.ask is None else row.ask - row.bid


def _money(
    field: str, title: str, importance: int, presence: Presence = Presence.WITH_ROOM
) -> Column:
    """Return a column of prices in the row's own decimals."""
    get: Callable[[Row | Quote], float | None] = _spread if field == "spread" else attrgetter(field)

    def text(row: Row | Quote, _age: Age) -> str:
        value = get(row)
        # A small bid, ask or spread may need more decimals than the price.
        return "" if value is None else price_text(value, max(_places(row), _finer(value)))

    return Column(
        field,
        title,
        text,
        Align.POINT,
        importance,
        most=_MOST_PRICE,
        presence=presence,
        is_figure=True,
        sort_key=get,
        is_greatest_first=True,
    )


def _finer(value: float) -> int:
    """Return the decimals that a value below 0.01 needs; 0 for other values."""
    return decimals(value) if 0 < abs(value) < 1e-2 else 0  # noqa: PLR2004  below two decimals


def _bar(key: str, title: str, low: str, high: str, importance: int) -> Column:
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
        text,
        Align.LEFT,
        importance,
        most=_BAR,
        presence=Presence.WITH_ROOM,
        sort_key=lambda row: _share(row, low, high),
        is_greatest_first=True,
    )


def _amount(
    field: str, title: str, importance: int, presence: Presence = Presence.ON_WISH
) -> Column:
    get = attrgetter(field)
    return Column(
        field,
        title,
        lambda row, _age: amount_text(get(row)),
        Align.RIGHT,
        importance,
        most=11,
        presence=presence,
        is_figure=True,
        sort_key=get,
        is_greatest_first=True,
    )


def _word(
    field: str, title: str, importance: int, presence: Presence = Presence.WITH_ROOM, most: int = 16
) -> Column:
    get = attrgetter(field)
    return Column(
        field,
        title,
        lambda row, _age: escape(get(row) or ""),
        Align.LEFT,
        importance,
        most=most,
        least=min(most, len(title) + 2),
        presence=presence,
        sort_key=get,
    )


def _time(field: str, title: str, importance: int) -> Column:
    """Return a column of times. The screen writes them, because it knows the time zone."""
    return Column(
        field,
        title,
        lambda _row, _age: "",
        Align.LEFT,
        importance,
        most=19,
        least=8,
        presence=Presence.ON_WISH,
        is_drawn=True,
        sort_key=attrgetter(field),
        is_greatest_first=True,
    )


DAY_RANGE: Final = _bar("day_range", "Day range", "day_low", "day_high", 12)
MONEY: Final = (
    _money("bid", "Bid", 14),
    _money("ask", "Ask", 15),
    _money("spread", "Spread", 21),
    _money("previous_close", "Close", 16),
    _money("open", "Open", 17),
    _money("day_low", "Low", 18),
    _money("day_high", "High", 19),
    _bar("fifty_two_week_range", "52 weeks", "fifty_two_week_low", "fifty_two_week_high", 13),
    _money("fifty_two_week_low", "52w low", 25),
    _money("fifty_two_week_high", "52w high", 26),
    _amount("market_cap", "Cap", 20, Presence.WITH_ROOM),
    _money("previous_price", "Before", 27, Presence.ON_WISH),
    _amount("size", "Size", 28),
)
ORIGINS: Final = (
    _word("kind", "Kind", 22, most=14),
    _word("exchange", "Exchange", 23),
    _word("source", "Source", 24, most=14),
    _word("origin", "Origin", 29, Presence.ON_WISH, most=12),
    _amount("sequence", "Sequence", 30),
    _time("time", "Time", 31),
    _time("received", "Received", 32),
    Column(
        "delay",
        "Delay",
        lambda row, _age: format_duration(row.delay) if row.delay else "",
        Align.RIGHT,
        33,
        most=8,
        presence=Presence.ON_WISH,
        is_figure=True,
        sort_key=attrgetter("delay"),
    ),
)
