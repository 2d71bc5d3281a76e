"""What the user owns and what it is worth: per row, per list of rows, and in total. Pure.

A row's figures are in its own currency, as its source spells it. Totals are in one currency. Money
is computed in decimals. If a price or a rate is missing, the total is `None`, and a `Problem` says
why. A lot without a price paid has a value but no cost. The total gain leaves out its symbol, and
names it.

The day's gain counts from the previous close. For a lot bought on the day of the price (UTC), it
counts from the price paid.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from ticker.board.rates import Rate, main_unit, pairs_to_ask, rate_of
from ticker.board.row import Holding, Row
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
    """The `holdings` to be valued, with totals in `currency`."""

    def __init__(self, holdings: Holdings, currency: str) -> None:
        self.cash = holdings.cash
        self.currency = currency
        self.lots: dict[str, list[Lot]] = {}
        for lot in holdings.lots:
            self.lots.setdefault(lot.symbol, []).append(lot)

    @property
    def symbols(self) -> Collection[str]:
        """Return the symbols owned."""
        return self.lots.keys()


class Owner:
    """Values `portfolio`. `known_of` returns what is known of a symbol (`None`: nothing).

    The value and the gain of a row belong to its last price. Weights and totals are from the last
    `revalue`.
    """

    def __init__(self, portfolio: Portfolio, known_of: Callable[[str], Known | None]) -> None:
        self.portfolio = portfolio
        self.valuation: Valuation | None = None
        self._known_of = known_of

    def with_holding(self, row: Row) -> Row:
        """Return `row` with its holding, if there is one."""
        if (lots := self.portfolio.lots.get(row.symbol)) is None:
            return row
        before = None if self.valuation is None else self.valuation.holdings.get(row.symbol)
        holding = self._holding(lots, row, None if before is None else before.weight)
        return msgspec.structs.replace(row, holding=holding)

    def revalue(self) -> Iterable[str]:
        """Value everything again. Returns the symbols whose figures changed."""
        before = {} if self.valuation is None else self.valuation.holdings
        self.valuation = self.value()
        return [s for s, holding in self.valuation.holdings.items() if before.get(s) != holding]

    def value(self) -> Valuation:
        """Value everything."""
        into, lots = self.portfolio.currency, self.portfolio.lots
        amounts = {of: self._convert(cash, of, into) for of, cash in self.portfolio.cash.items()}
        problems = [_no_rate(of, into) for of, amount in amounts.items() if amount is None]
        cash = _sum(amounts.values())
        total = self.total(lots, cash=cash, problems=problems)
        holdings = {}
        for symbol, some in lots.items():
            known = self._known_of(symbol)
            bare = self._holding(some, known)
            weight = _share(self._worth(bare.value, known), total.value)
            holdings[symbol] = msgspec.structs.replace(bare, weight=weight)
        rates = tuple((of, to, rate_of(of, to, self._price_of)) for of, to in self._conversions())
        return Valuation(into, holdings, total, cash, _share(cash, total.value), rates)

    def total(
        self,
        symbols: Iterable[str],
        *,
        cash: Decimal | None = _ZERO,
        problems: Iterable[Problem] = (),
    ) -> Total:
        """Add up holdings in `symbols`, and `cash` in the totals' currency (`None`: unknown)."""
        told = dict.fromkeys(problems)
        values, days, gains, costs = [cash], [], [], []
        without, invented = [], False
        for symbol in symbols:
            if (lots := self.portfolio.lots.get(symbol)) is None:
                continue
            known = self._known_of(symbol)
            holding = self._holding(lots, known)
            worth = self._worth(holding.value, known)
            values.append(worth)
            invented = invented or (known is not None and known.simulated)
            if worth is None or known is None:
                told[self._problem(symbol, known)] = None
                continue
            days.append(self._worth(holding.day_gain, known))
            if days[-1] is None:
                told[Problem(Missing.DAY_CHANGE, symbol)] = None
            if any(lot.price is None for lot in lots):
                without.append(symbol)
                continue
            cost = _sum(self._cost(lot, known.currency, self.portfolio.currency) for lot in lots)
            costs.append(cost)
            gains.append(None if cost is None else worth - cost)
            if cost is None:
                told |= dict.fromkeys(self._missing_rates(lots))
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

    def pairs(self, is_refused: Callable[[str], bool]) -> list[str]:
        """Return the currency pairs to ask for; see `pairs_to_ask`."""
        return pairs_to_ask(self._conversions(), self._price_of, is_refused)

    def _conversions(self) -> list[tuple[str, str]]:
        """Return the conversions needed, (from, to) in main units, each once."""
        total = self.portfolio.currency
        wanted = dict.fromkeys((cash, total) for cash in self.portfolio.cash)
        for symbol, lots in self.portfolio.lots.items():
            known = self._known_of(symbol)
            quoted = None if known is None else known.currency
            currencies = [lot.currency for lot in lots if lot.price is not None and lot.currency]
            wanted |= dict.fromkeys((each, total) for each in (quoted, *currencies) if each)
            wanted |= dict.fromkeys((each, quoted) for each in currencies if quoted)
        units = dict.fromkeys((main_unit(of)[0], main_unit(into)[0]) for of, into in wanted)
        return [(of, into) for of, into in units if of != into]

    def _holding(
        self, lots: Sequence[Lot], known: Known | None, weight: Decimal | None = None
    ) -> Holding:
        quantity = sum((lot.quantity for lot in lots), _ZERO)
        if known is None or known.price is None:
            return Holding(quantity, weight=weight)
        price = _decimal(known.price)
        cost = _sum(self._cost(lot, known.currency, known.currency) for lot in lots)
        day_gain = _sum(self._day_gain(lot, known, price) for lot in lots)
        value = quantity * price
        gain = None if cost is None else value - cost
        return Holding(quantity, value, cost, day_gain, gain, _percent(gain, cost), weight)

    def _cost(self, lot: Lot, quoted: str | None, into: str | None) -> Decimal | None:
        """Return the cost of `lot` in `into`. Without a currency, it was paid in `quoted`."""
        if lot.price is None:
            return None
        return self._convert(lot.quantity * lot.price + lot.fees, lot.currency or quoted, into)

    def _day_gain(self, lot: Lot, known: Known, price: Decimal) -> Decimal | None:
        if lot.date is not None and lot.price is not None and _day(known) == lot.date.toordinal():
            bare = lot.quantity * lot.price
            paid = self._convert(bare, lot.currency or known.currency, known.currency)
            return None if paid is None else lot.quantity * price - paid
        return None if known.day_change is None else lot.quantity * _decimal(known.day_change)

    def _worth(self, amount: Decimal | None, known: Known | None) -> Decimal | None:
        """Convert `amount` from the currency of `known` to the currency of the totals."""
        if amount is None or known is None:
            return None
        return self._convert(amount, known.currency, self.portfolio.currency)

    def _convert(self, amount: Decimal, of: str | None, into: str | None) -> Decimal | None:
        if of == into:
            return amount
        rate = rate_of(of, into, self._price_of) if of and into else None
        return None if rate is None else amount * rate.value

    def _price_of(self, symbol: str) -> float | None:
        known = self._known_of(symbol)
        return None if known is None else known.price

    def _problem(self, symbol: str, known: Known | None) -> Problem:
        """Say why the value of `symbol` in the currency of the totals is unknown."""
        if known is None or known.price is None:
            return Problem(Missing.PRICE, symbol)
        if known.currency is None:
            return Problem(Missing.CURRENCY, symbol)
        return _no_rate(known.currency, self.portfolio.currency)

    def _missing_rates(self, lots: Iterable[Lot]) -> Iterable[Problem]:
        total = self.portfolio.currency
        for lot in lots:
            if lot.currency and rate_of(lot.currency, total, self._price_of) is None:
                yield _no_rate(lot.currency, total)


def _no_rate(of: str, into: str) -> Problem:
    return Problem(Missing.RATE, f"{main_unit(of)[0]} to {main_unit(into)[0]}")


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
