"""Adds the user's holdings to the rows of a board, and computes the value of all.

Pure. The value and the gain of a row belong to its last price. Weights and totals are from the last
`revalue`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from ticker.board.holding import Holding
from ticker.board.holdings import Portfolio, Total, Valuation
from ticker.board.rates import pairs_to_ask
from ticker.board.row import Row


class Owner:
    """Values `portfolio`. `row_of` returns what is known of a symbol (`None`: nothing)."""

    def __init__(self, portfolio: Portfolio, row_of: Callable[[str], Row | None]) -> None:
        self.portfolio = portfolio
        self.valuation: Valuation | None = None
        self._row_of = row_of
        self._holdings: dict[str, Holding] = {}

    def known(self) -> dict[str, Row]:
        """Return the known rows of the symbols owned."""
        rows = ((symbol, self._row_of(symbol)) for symbol in self.portfolio.symbols)
        return {symbol: row for symbol, row in rows if row is not None}

    def price_of(self, symbol: str) -> float | None:
        """Return the price of a pair; `None` if unknown."""
        row = self._row_of(symbol)
        return None if row is None else row.price

    def with_holding(self, row: Row) -> Row:
        """Return `row` with its holding, if there is one."""
        holding = self.portfolio.holding(row.symbol, row, self.price_of)
        if holding is None:
            return row
        before = self._holdings.get(row.symbol)
        weight = None if before is None else before.weight
        holding = msgspec.structs.replace(holding, weight=weight)
        return msgspec.structs.replace(row, holding=holding)

    def revalue(self) -> Iterable[str]:
        """Value all holdings again. Returns the symbols whose figures changed."""
        self.valuation = self.portfolio.value(self.known(), self.price_of)
        before, self._holdings = self._holdings, dict(self.valuation.holdings)
        return [s for s, holding in self._holdings.items() if before.get(s) != holding]

    def total(self, symbols: Iterable[str], known: Mapping[str, Row]) -> Total:
        """Return the total of the holdings in `symbols`, without cash; `known` are their rows."""
        return self.portfolio.total(symbols, known, self.price_of)

    def pairs(self, is_refused: Callable[[str], bool]) -> list[str]:
        """Return the currency pairs to ask for; see `pairs_to_ask`."""
        conversions = self.portfolio.conversions(self.known())
        return pairs_to_ask(conversions, self.price_of, is_refused)
