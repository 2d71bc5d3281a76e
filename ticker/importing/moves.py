"""Finds the ticks among rows: the rows in which the price moved.

Rows come by column, in chunks, in the order of the recording. A chunk is processed symbol by
symbol. The state of each symbol at the end of a chunk is kept for the next chunk. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ticker.units import DAY

_DAYS: Final = 1_000_000
"""More than the number of days between any two times."""
_PARTS: Final = 10**10
"""Parts of one unit. Sizes are added as whole units and parts, because floats lose digits."""
_MOST: Final = 1e15
"""A size of this or more is a mistake. It does not count in a volume."""
_EXACT: Final = 2**53 // _PARTS
"""Below this number of whole units, units and parts together are exact as a float."""
_PLACES: Final = range(2, 9)

_Numbers = npt.NDArray[Any]


class Moves:
    """Finds the ticks in rows. There are `symbols` symbols, numbered from 0."""

    def __init__(self, symbols: int) -> None:
        self.places = np.full(symbols, _PLACES[0])
        """The most decimals of each symbol's prices, from 2 to 8. Screens show as many."""
        self._price = np.full(symbols, np.nan)
        self._sequence = np.zeros(symbols, np.int64)
        self._day = np.full(symbols, -1)
        self._told = np.zeros(symbols, np.int64)
        self._units = np.zeros(symbols, np.int64)
        self._parts = np.zeros(symbols, np.int64)

    def ticks(self, rows: Mapping[str, Any]) -> dict[str, _Numbers]:
        """Return the columns of the ticks in `rows`. `symbol` is a number.

        A missing `received` is `time`. A volume in `rows` beats the sum of sizes.
        """
        numbers = rows["symbol"]
        # Numbers of 16 bits are sorted several times as fast.
        small = numbers.astype(np.uint16) if len(self._price) <= 2**16 else numbers
        order = np.argsort(small, kind="stable")
        symbol, price = numbers[order], rows["price"][order]
        starts = np.flatnonzero(np.diff(symbol, prepend=-1))
        owners = symbol[starts]
        before = np.roll(price, 1)
        before[starts] = self._price[owners]
        moved = before != price  # NaN (no price yet) differs from any price
        sequence = _running(moved, starts, self._sequence[owners])
        ends = np.append(starts[1:], len(symbol)) - 1
        self._price[owners], self._sequence[owners] = price[ends], sequence[ends]
        made = {"previous_price": before, "sequence": sequence}
        if "size" in rows:
            days = symbol.astype(np.int64) * _DAYS + rows["time"][order] // DAY
            made["volume"] = self._volume(rows["size"][order], days, symbol, starts)
        self._note_places(symbol[moved], price[moved])
        chosen = np.empty_like(moved)
        chosen[order] = moved
        columns = {name: values[chosen] for name, values in rows.items()}
        columns.setdefault("received", columns["time"])
        for name, values in made.items():
            placed = np.empty_like(values)
            placed[order] = values
            placed = placed[chosen]
            told = columns.get(name)
            columns[name] = placed if told is None else np.where(np.isnan(told), placed, told)
        return columns

    def _volume(
        self, size: _Numbers, days: _Numbers, symbol: _Numbers, starts: _Numbers
    ) -> _Numbers:
        """Return for each row the sum of `size` in its UTC day so far; NaN before the first size.

        A late row of an earlier day counts in the newest day of its symbol.
        """
        owners = symbol[starts]
        days[starts] = np.maximum(days[starts], self._day[owners])
        days = np.maximum.accumulate(days)
        new = np.diff(days, prepend=-1) > 0
        new[starts] = days[starts] > self._day[owners]
        is_begin = new.copy()
        is_begin[starts] = True
        begins = np.flatnonzero(is_begin)

        is_told = size < _MOST
        scaled = np.where(is_told, size, 0.0) * _PARTS
        scaled = np.where(scaled < 2**52, np.floor(scaled + 0.5), scaled)
        # Split only where a sum of parts would be too large, because `fmod` is slow.
        parts = np.fmod(scaled, _PARTS) if scaled.sum() >= 2**62 else scaled
        units = np.rint((scaled - parts) / _PARTS)
        ends = np.append(starts[1:], len(symbol)) - 1
        sums = []
        for values, kept in (
            (is_told, self._told),
            (units, self._units),
            (parts, self._parts),
        ):
            carried = np.where(new[begins], 0, kept[symbol[begins]])
            running = _running(values.astype(np.int64), begins, carried)
            kept[owners] = running[ends]
            sums.append(running)
        self._day[owners] = days[ends]
        told, units, parts = sums
        units, parts = units + parts // _PARTS, parts % _PARTS
        total = np.where(units < _EXACT, (units * _PARTS + parts) / _PARTS, units + parts / _PARTS)
        return np.where(told > 0, total, np.nan)

    def _note_places(self, symbol: _Numbers, price: _Numbers) -> None:
        for places in _PLACES[:-1]:
            with np.errstate(over="ignore"):
                longer = np.round(price, places) != price
            symbol, price = symbol[longer], price[longer]
            if not len(price):
                return
            self.places[symbol] = np.maximum(self.places[symbol], places + 1)


def _running(values: _Numbers, begins: _Numbers, carried: _Numbers) -> _Numbers:
    """Return running totals of `values`. A new total begins at each index in `begins`.

    `carried` holds the value to which each total is added.
    """
    totals = np.cumsum(values)
    base = totals[begins] - values[begins] - carried
    since: _Numbers = totals - np.repeat(base, np.diff(begins, append=len(values)))
    return since
