"""The columns of holdings, for screens that show holdings. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Final

from ticker.board.column import Align, CellText, Column, Presence, Style, change_style, figures
from ticker.board.freshness import Age
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


def _owned(
    key: str,
    title: str,
    importance: float,
    write: Callable[[Decimal | None], str],
    presence: Presence = Presence.WHERE_KNOWN,
) -> Column:
    def figure(row: Row | Quote) -> Decimal | None:
        amount: Decimal | None = getattr(getattr(row, "holding", None), key, None)
        return amount

    return figures(
        key,
        title,
        importance,
        lambda row, _age: write(figure(row)),
        Align.RIGHT if key in ("weight", "gain_percent") else Align.POINT,
        most=24,
        presence=presence,
        sort_key=figure,
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
def _with_unit(text: CellText) -> CellText:
    def told(row: Row | Quote, age: Age) -> str:
        amount = text(row, age)
        return f"{amount} {escape(row.currency or '')}".rstrip() if amount else ""

    return told


OWNED: Final = (
    _owned("quantity", "Quantity", 9.1, _quantity, Presence.WITH_ROOM),
    _owned("cost", "Cost", 9.2, money_text, Presence.WITH_ROOM),
    _owned("value", "Value", 2.1, money_text),
    _owned("day_gain", "Day gain", 4.1, gain_text),
    _owned("gain", "Gain", 2.2, gain_text),
    _owned("gain_percent", "Gain %", 4.2, _percent),
    _owned("weight", "Weight", 7, share_text, Presence.WITH_ROOM),
)
"""All columns of holdings, in the order of the screen."""
