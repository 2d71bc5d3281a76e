"""Reads `[holdings]` and `[[alerts]]` from a parsed file.

A mistake is reported with its key. Amounts are decimals, exact to 15 digits. Knows no price, and
does not parse the condition of an alert.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from ticker.config.mistakes import Key, Mistake, Mistakes, check_keys, mistaken_at, read_table
from ticker.records import check_symbol

_LOT_KEYS: Final = ("symbol", "quantity", "price", "fees", "date", "currency")
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
_PLACEHOLDER: Final = re.compile(r"\{[a-z_]+\}")
PLACEHOLDERS: Final = ("{symbol}", "{price}")
"""The placeholders that the arguments of an alert's command may have."""
_MOST: Final = Decimal("1e15")
"""A quantity or an amount beyond this is a mistake."""


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase."""

    symbol: str
    quantity: Decimal
    """Units; below 0 if sold short."""
    price: Decimal | None = None
    """The price of one unit (in `currency`); `None`: its cost is not known."""
    fees: Decimal = Decimal(0)
    """Fees (in `currency`)."""
    date: dt.date | None = None
    """When it was bought."""
    currency: str | None = None
    """The currency of price and fees (`EUR`; `GBp` for pence); `None`: the symbol's own."""


class Holdings(msgspec.Struct, frozen=True):
    """All that the user owns."""

    cash: Mapping[str, Decimal] = {}
    """Currency → amount."""
    lots: tuple[Lot, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.cash or self.lots)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the owned symbols, each once, in the order of the lots."""
        return tuple(dict.fromkeys(lot.symbol for lot in self.lots))


class AlertEntry(msgspec.Struct, frozen=True):
    """One entry of `[[alerts]]`."""

    when: str
    """The condition, in the grammar of alerts; unchecked."""
    run: tuple[str, ...] = ()
    """A program and its arguments; empty: none."""


def read_holdings(section: Any, found: Mistakes) -> Holdings:
    """Read `[holdings]`. Mistakes are noted in `found`."""
    at: Key = ("holdings",)
    table = read_table(section, at, found)
    with found.noting():
        check_keys(table, ("cash", "lots"), at, found)
        return Holdings(
            cash=dict(_cash(table.get("cash", {}), (*at, "cash"), found)),
            lots=tuple(_lots(table.get("lots", []), (*at, "lots"), found)),
        )
    return Holdings()


def read_alerts(section: Any, found: Mistakes) -> tuple[AlertEntry, ...]:
    """Read `[[alerts]]`. Mistakes are noted in `found`."""
    good = []
    with found.noting():
        if not isinstance(section, list):
            raise Mistake(("alerts",), "expected one or more tables, each written [[alerts]]")
        for place, entry in enumerate(section):
            with found.noting():
                good.append(_alert(entry, ("alerts", place), found))
    return tuple(good)


def _cash(value: Any, at: Key, found: Mistakes) -> Iterator[tuple[str, Decimal]]:
    if not isinstance(value, dict):
        raise Mistake(at, "expected amounts by currency, like { EUR = 4250 }")
    seen = set()
    for written, amount in value.items():
        with found.noting():
            currency = _currency(written, (*at, written))
            if currency in seen:
                raise Mistake((*at, written), f"{currency} is listed twice: add the amounts up")
            seen.add(currency)
            yield currency, _number(amount, (*at, written))


def _lots(value: Any, at: Key, found: Mistakes) -> Iterator[Lot]:
    if not isinstance(value, list):
        raise Mistake(at, 'expected a list, like [{ symbol = "AAPL", quantity = 10 }]')
    for place, entry in enumerate(value):
        with found.noting():
            yield _lot(entry, (*at, place), found)


def _lot(entry: Any, at: Key, found: Mistakes) -> Lot:
    if not isinstance(entry, dict):
        raise Mistake(at, 'expected a table, like { symbol = "AAPL", quantity = 10 }')
    is_known = check_keys(entry, _LOT_KEYS, at, found)
    for key in ("symbol", "quantity"):
        if key not in entry:
            raise Mistake(at, f'"{key}" is missing, like {{ symbol = "AAPL", quantity = 10 }}')
    with mistaken_at((*at, "symbol")):
        check_symbol(entry["symbol"])
    quantity = _number(entry["quantity"], (*at, "quantity"))
    if not quantity:
        raise Mistake((*at, "quantity"), "0 units are no lot: leave it out")
    price, fees = (
        None if key not in entry else _number(entry[key], (*at, key)) for key in ("price", "fees")
    )
    if price is None and fees is not None and is_known:
        raise Mistake((*at, "fees"), 'are part of a cost that is not known: add "price"')
    bought = entry.get("date")
    if bought is not None and type(bought) is not dt.date:  # datetime is a subclass of date
        raise Mistake((*at, "date"), "expected a date without quotes, like 2024-03-01")
    currency = entry.get("currency")
    return Lot(
        symbol=entry["symbol"].upper(),
        quantity=quantity,
        price=price,
        fees=fees or Decimal(0),
        date=bought,
        currency=None if currency is None else _currency(currency, (*at, "currency")),
    )


def _alert(entry: Any, at: Key, found: Mistakes) -> AlertEntry:
    if not isinstance(entry, dict):
        raise Mistake(at, "expected a table, written [[alerts]]")
    check_keys(entry, ("when", "run"), at, found)
    when, run = entry.get("when"), entry.get("run", [])
    if not isinstance(when, str):
        raise Mistake((*at, "when") if "when" in entry else at, 'expected when = "AAPL > 250"')
    at = (*at, "run")
    if not isinstance(run, list) or not all(isinstance(word, str) for word in run):
        raise Mistake(at, 'expected a program and its arguments, like ["notify-send", "{symbol}"]')
    if "run" in entry and not (run and run[0]):
        raise Mistake(at, "names no program")
    if any("\0" in word for word in run):
        raise Mistake(at, "an argument cannot hold a zero byte")
    for name in _PLACEHOLDER.findall(" ".join(run)):
        if name not in PLACEHOLDERS:
            raise Mistake(at, f"unknown {name}. Known: {', '.join(PLACEHOLDERS)}")
    return AlertEntry(when, tuple(run))


def _currency(value: Any, at: Key) -> str:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise Mistake(at, "expected a currency of three letters, like EUR (or GBp for pence)")
    return value.upper() if value.islower() else value


def _number(value: Any, at: Key) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mistake(at, "expected a number without quotes")
    number = Decimal(str(value))  # str() gives the shortest decimal, as it was written
    if not number.is_finite() or abs(number) > _MOST:
        raise Mistake(at, "expected a finite number of at most 15 digits")
    return number
