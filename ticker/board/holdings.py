"""What the user owns and what it is worth: per row, per list of rows, and in total. Pure.

A row's figures are in its own currency, as its source spells it. Totals are in one currency. Money
is computed in decimals. If a price or a rate is missing, the total is `None`, and a `Problem` says
why. A lot without a price paid has a value but no cost. The total gain leaves out its symbol, and
names it.

The day's gain counts from the previous close. For a lot bought on the day of the price (UTC), it
counts from the price paid.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from ticker.board.holding import Holding
from ticker.board.rates import PriceOf, Rate, main_unit, rate_of
from ticker.board.row import Row
from ticker.config.holdings_and_alerts import Holdings, Lot
from ticker.records import Quote
from ticker.units import SECOND

_ZERO: Final = Decimal(0)
_HUNDRED: Final = Decimal(100)

Known = Row | Quote
"""What the valuation needs to know about a symbol."""


class Missing(StrEnum):
    """What is missing when a figure of a total is unknown."""

    PRICE = "no price of"
    CURRENCY = "no currency of"
    DAY_CHANGE = "no day's change of"
    RATE = "no rate"


class Problem(NamedTuple):
    """Why a figure of a total is unknown: what is missing, and of which symbol or pair."""

    missing: Missing
    of: str
    """Not escaped."""

    def __str__(self) -> str:
        """Return the words: `no price of X`, `no rate JPY to EUR`."""
        return f"{self.missing} {self.of}"


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of holdings and cash, in one currency."""

    value: Decimal | None
    day_gain: Decimal | None
    gain: Decimal | None
    gain_percent: Decimal | None
    problems: tuple[Problem, ...] = ()
    """Why figures are unknown."""
    without: tuple[str, ...] = ()
    """Symbols that the gain leaves out because their cost is unknown."""
    is_simulated: bool = False
    """Whether a price in it is invented."""


@dataclass(frozen=True, slots=True)
class Valuation:
    """The value of everything owned, at one moment."""

    currency: str
    """The currency of the totals."""
    holdings: Mapping[str, Holding]
    total: Total
    cash: Decimal | None
    cash_weight: Decimal | None
    """The share of the cash in everything owned, in per cent."""
    rates: tuple[tuple[str, str, Rate | None], ...]
    """All rates needed: from currency, to currency, rate (`None`: unknown)."""


class Portfolio:
    """Values `holdings`, with totals in `currency`."""

    def __init__(self, holdings: Holdings, currency: str) -> None:
        self.holdings = holdings
        self.currency = currency
        self._lots: dict[str, list[Lot]] = {}
        for lot in holdings.lots:
            self._lots.setdefault(lot.symbol, []).append(lot)

    @property
    def symbols(self) -> Collection[str]:
        """Return the symbols owned."""
        return self._lots.keys()

    def conversions(self, known: Mapping[str, Known]) -> list[tuple[str, str]]:
        """Return the conversions needed, (from, to) in main units, each once."""
        wanted: dict[tuple[str, str], None] = {}
        for cash in self.holdings.cash:
            wanted[cash, self.currency] = None
        for symbol, lots in self._lots.items():
            quoted = known[symbol].currency if symbol in known else None
            currencies = [lot.currency for lot in lots if lot.price is not None and lot.currency]
            wanted |= dict.fromkeys((each, self.currency) for each in (quoted, *currencies) if each)
            wanted |= dict.fromkeys((each, quoted) for each in currencies if quoted)
        units = dict.fromkeys((main_unit(of)[0], main_unit(into)[0]) for of, into in wanted)
        return [(of, into) for of, into in units if of != into]

    def holding(self, symbol: str, known: Known | None, price_of: PriceOf) -> Holding | None:
        """Return the holding in `symbol`, without its weight; `None` if there is none."""
        lots = self._lots.get(symbol)
        if lots is None:
            return None
        quantity = sum((lot.quantity for lot in lots), _ZERO)
        if known is None or known.price is None:
            return Holding(quantity)
        price = _decimal(known.price)
        cost = _sum(_cost(lot, known.currency, known.currency, price_of) for lot in lots)
        value = quantity * price
        gain = None if cost is None else value - cost
        return Holding(
            quantity,
            value,
            cost,
            _sum(_day_gain(lot, known, price, price_of) for lot in lots),
            gain,
            _percent(gain, cost),
        )

    def value(self, known: Mapping[str, Known], price_of: PriceOf) -> Valuation:
        """Value everything. `known`: symbol → row or quote. `price_of` prices currency pairs."""
        cash, problems = self._cash(price_of)
        total = self.total(self.symbols, known, price_of, cash=cash, problems=problems)
        holdings = {}
        for symbol in self.symbols:
            holding = self.holding(symbol, known.get(symbol), price_of)
            assert holding is not None  # noqa: S101  (it is owned)
            worth = self._worth(holding.value, known.get(symbol), price_of)
            holdings[symbol] = msgspec.structs.replace(holding, weight=_share(worth, total.value))
        rates = tuple(
            (of, into, rate_of(of, into, price_of)) for of, into in self.conversions(known)
        )
        share = _share(cash, total.value)
        return Valuation(self.currency, holdings, total, cash, share, rates)

    def total(
        self,
        symbols: Iterable[str],
        known: Mapping[str, Known],
        price_of: PriceOf,
        *,
        cash: Decimal | None = _ZERO,
        problems: Iterable[Problem] = (),
    ) -> Total:
        """Add up holdings in `symbols`, and `cash` in the totals' currency (`None`: unknown)."""
        told = dict.fromkeys(problems)
        values, days, gains, costs = [cash], [], [], []
        without, invented = [], False
        for symbol in symbols:
            holding = self.holding(symbol, there := known.get(symbol), price_of)
            if holding is None:
                continue
            worth = self._worth(holding.value, there, price_of)
            values.append(worth)
            invented = invented or (there is not None and there.simulated)
            if worth is None or there is None:
                told[self._problem(symbol, there, price_of)] = None
                continue
            days.append(self._worth(holding.day_gain, there, price_of))
            if days[-1] is None:
                told[Problem(Missing.DAY_CHANGE, symbol)] = None
            if any(lot.price is None for lot in self._lots[symbol]):
                without.append(symbol)
                continue
            cost = self._cost(symbol, there, price_of)
            costs.append(cost)
            gains.append(None if cost is None else worth - cost)
            if cost is None:
                told |= dict.fromkeys(self._missing_rates(symbol, price_of))
        value, cost, gain = _sum(values), _sum(costs), _sum(gains)
        is_known = value is not None
        return Total(
            value,
            _sum(days) if is_known else None,
            gain if is_known else None,
            _percent(gain, cost) if is_known else None,
            tuple(told),
            tuple(without),
            invented,
        )

    def _cash(self, price_of: PriceOf) -> tuple[Decimal | None, list[Problem]]:
        """Return all cash in the currency of the totals, and the reason if it is unknown."""
        amounts, problems = [], []
        for currency, amount in self.holdings.cash.items():
            rate = rate_of(currency, self.currency, price_of)
            amounts.append(None if rate is None else amount * rate.value)
            if rate is None:
                problems.append(_no_rate(currency, self.currency))
        return _sum(amounts), problems

    def _worth(
        self, amount: Decimal | None, known: Known | None, price_of: PriceOf
    ) -> Decimal | None:
        """Convert `amount` from the currency of `known` to the currency of the totals."""
        if amount is None or known is None or known.currency is None:
            return None
        rate = rate_of(known.currency, self.currency, price_of)
        return None if rate is None else amount * rate.value

    def _cost(self, symbol: str, known: Known, price_of: PriceOf) -> Decimal | None:
        """Return the cost of all lots of `symbol` in the currency of the totals."""
        lots = self._lots[symbol]
        return _sum(_cost(lot, known.currency, self.currency, price_of) for lot in lots)

    def _problem(self, symbol: str, known: Known | None, price_of: PriceOf) -> Problem:
        """Say why the value of `symbol` in the currency of the totals is unknown."""
        if known is None or known.price is None:
            return Problem(Missing.PRICE, symbol)
        if known.currency is None:
            return Problem(Missing.CURRENCY, symbol)
        assert rate_of(known.currency, self.currency, price_of) is None  # noqa: S101  (what is left)
        return _no_rate(known.currency, self.currency)

    def _missing_rates(self, symbol: str, price_of: PriceOf) -> Iterable[Problem]:
        for lot in self._lots[symbol]:
            if lot.currency and rate_of(lot.currency, self.currency, price_of) is None:
                yield _no_rate(lot.currency, self.currency)


def _no_rate(of: str, into: str) -> Problem:
    return Problem(Missing.RATE, f"{main_unit(of)[0]} to {main_unit(into)[0]}")


def _cost(lot: Lot, quoted: str | None, into: str | None, price_of: PriceOf) -> Decimal | None:
    """Return the cost of `lot` in `into`. A lot without a currency was paid in the `quoted` one."""
    currency = lot.currency or quoted
    if lot.price is None:
        return None
    paid = lot.quantity * lot.price + lot.fees
    if currency == into:
        return paid
    if currency is None or into is None:
        return None
    rate = rate_of(currency, into, price_of)
    return None if rate is None else paid * rate.value


def _day_gain(lot: Lot, known: Known, price: Decimal, price_of: PriceOf) -> Decimal | None:
    if lot.date is not None and lot.price is not None and _day(known) == lot.date.toordinal():
        bare = Lot(symbol=lot.symbol, quantity=lot.quantity, price=lot.price, currency=lot.currency)
        paid = _cost(bare, known.currency, known.currency, price_of)
        return None if paid is None else lot.quantity * price - paid
    if known.day_change is None:
        return None
    return lot.quantity * _decimal(known.day_change)


def _day(known: Known) -> int | None:
    """Return the day of the price (UTC), as an ordinal."""
    if known.time is None:
        return None
    return datetime.fromtimestamp(known.time // SECOND, UTC).toordinal()


def _decimal(number: float) -> Decimal:
    return Decimal(str(number))


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """Return the sum; `None` if an amount is unknown."""
    total = _ZERO
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def _percent(gain: Decimal | None, cost: Decimal | None) -> Decimal | None:
    return None if gain is None or not cost else gain * _HUNDRED / abs(cost)


def _share(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """Return the share in per cent; `None` if the whole is zero or negative."""
    return None if part is None or whole is None or whole <= 0 else part * _HUNDRED / whole
