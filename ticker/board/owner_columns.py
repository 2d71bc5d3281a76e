"""The columns of holdings, for screens that show holdings. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Final

from ticker.board.column import Align, Column, Presence, Style, change_style
from ticker.board.freshness import Age
from ticker.board.holding import Holding
from ticker.board.row import Row
from ticker.escape import escape
from ticker.figures import change_text, percent_text, price_text
from ticker.records import Quote

CENTS: Final = 2
"""Decimals of money."""
_AMOUNTS: Final = ("cost", "value", "day_gain", "gain")
"""The columns whose figures are money."""


def money_text(amount: Decimal | None) -> str:
    """Return `1,825.00`; empty if unknown."""
    return "" if amount is None else price_text(float(amount), CENTS)


def gain_text(amount: Decimal | None) -> str:
    """Return `+12.40`, `-0.35` or `0.00`; empty if unknown."""
    return "" if amount is None else change_text(round(float(amount), CENTS), CENTS)


def share_text(percent: Decimal | None) -> str:
    """Return `12.3%`; empty if unknown."""
    return "" if percent is None else f"{percent:.1f}%"


def _quantity(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount.normalize():,f}"


def _percent(percent: Decimal | None) -> str:
    return "" if percent is None else percent_text(float(percent))


def _figure(holding: Holding | None, key: str) -> Decimal | None:
    value: Decimal | None = getattr(holding, key, None)
    return value


def _owned(
    key: str, title: str, importance: float, presence: Presence = Presence.WHERE_KNOWN
) -> Column:
    write = _TEXTS[key]

    def text(row: Row | Quote, _age: Age) -> str:
        return write(_figure(getattr(row, "holding", None), key))

    return Column(
        key,
        title,
        text,
        Align.RIGHT if key in ("weight", "gain_percent") else Align.POINT,
        importance,
        most=24,
        presence=presence,
        is_figure=True,
        sort_key=lambda row: _figure(row.holding, key),
        is_greatest_first=True,
        style=change_style if "gain" in key else lambda _text, _age: Style.TEXT,
    )


def with_units(columns: Sequence[Column], rows: Iterable[Row]) -> tuple[Column, ...]:
    """Return `columns`. Amounts name their currency if the holdings in `rows` have several."""
    owned = {row.currency for row in rows if row.holding is not None and row.currency}
    if len(owned) < 2:  # noqa: PLR2004  one needs no name
        return tuple(columns)
    return tuple(
        replace(column, text=_with_unit(column.text)) if column.key in _AMOUNTS else column
        for column in columns
    )


@cache  # so that equal columns stay equal
def _with_unit(text: Callable[[Row | Quote, Age], str]) -> Callable[[Row | Quote, Age], str]:
    def told(row: Row | Quote, age: Age) -> str:
        amount = text(row, age)
        return f"{amount} {escape(row.currency or '')}".rstrip() if amount else ""

    return told


_TEXTS: Final = {
    "quantity": _quantity,
    "cost": money_text,
    "value": money_text,
    "day_gain": gain_text,
    "gain": gain_text,
    "gain_percent": _percent,
    "weight": share_text,
}

OWNED: Final = (
    _owned("quantity", "Quantity", 9.1, Presence.WITH_ROOM),
    _owned("cost", "Cost", 9.2, Presence.WITH_ROOM),
    _owned("value", "Value", 2.1),
    _owned("day_gain", "Day gain", 4.1),
    _owned("gain", "Gain", 2.2),
    _owned("gain_percent", "Gain %", 4.2),
    _owned("weight", "Weight", 7, Presence.WITH_ROOM),
)
"""All columns of holdings, in the order of the screen."""
