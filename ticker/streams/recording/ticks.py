"""Fetches rows of a recording as arrays, and makes ticks of them. Synchronous.

DuckDB returns the rows by column, with texts as codes. Whole pieces of the columns become ticks at
once, and equal texts share one object, so few objects are made.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np

from ticker.records import TICK_FIELDS, Tick
from ticker.streams.arrays import TEXTS
from ticker.streams.recording.arrays import Words, selected, words_in
from ticker.streams.recording.database import Connection
from ticker.streams.sequence import Key

ROW: Final = "file_row_number"
_VOLUMES: Final = frozenset({"volume", "size"})
_BEYOND: Final = 2.0**63
"""The smallest number that is too large for a signed 64-bit integer."""
_KEPT: Final = 4
"""Blocks kept in memory: some megabytes each."""


class Rows:
    """Some rows of a recording, in order, by column. `ticks` makes ticks of some of them."""

    def __init__(self, columns: Mapping[str, Any], words: Words) -> None:
        self._columns = columns
        self._words = words
        self.numbers: Any = columns[ROW]
        """The numbers of the rows in the file."""

    def __len__(self) -> int:
        return len(self.numbers)

    def ticks(self, piece: Any) -> list[Tick]:
        """Make ticks of the rows in `piece`, a slice or indices. Raises `InvalidRecord`."""
        columns = [self._values(field, self._columns[field][piece]) for field in TICK_FIELDS]
        return list(map(Tick, *columns))

    def dues(self) -> Any:
        """Return the running maximum of `received` within these rows (µs, UTC)."""
        return np.maximum.accumulate(self._columns["received"])

    def last_places(self, end: int) -> dict[Key, int]:
        """Return (origin, symbol) → the index of its last row before the index `end`."""
        origins, symbols = self._words["origin"], self._words["symbol"]
        keys = self._codes("origin")[:end] * len(symbols) + self._codes("symbol")[:end]
        last = np.full(len(origins) * len(symbols), -1, np.int64)
        last[keys] = np.arange(len(keys))  # if a key repeats, its last index stays
        found: list[int] = np.flatnonzero(last >= 0).tolist()
        return {
            (str(origins[key // len(symbols)]), str(symbols[key % len(symbols)])): int(last[key])
            for key in found
        }

    def places_of(self, symbols: Iterable[str]) -> Any:
        """Return the indices of the rows of `symbols`, in order."""
        chosen = set(symbols)
        codes = [code for code, word in enumerate(self._words["symbol"]) if word in chosen]
        return np.flatnonzero(np.isin(self._codes("symbol"), codes))

    def _codes(self, field: str) -> Any:
        return np.ma.getdata(self._columns[field]).astype(np.int64, copy=False)

    def _values(self, field: str, column: Any) -> Iterable[Any]:
        """Convert a column for `Tick`; an unknown value is `None`."""
        if field in TEXTS:
            words = self._words[field]
            if len(words) == 1:
                return repeat(words[0], len(column))
            texts: list[Any] = np.array(words, object)[np.ma.getdata(column)].tolist()
            return texts
        if np.ma.getmaskarray(column).all():
            return repeat(None, len(column))
        if field in _VOLUMES:
            return _amounts(column)
        values: list[Any] = column.tolist()
        return values


def fetch(connection: Connection, span: str, bindings: Sequence[Any], words: Words | None) -> Rows:
    """Fetch the rows of `span` (`FROM … WHERE …`). Raises `duckdb.Error`.

    `words` are the different texts of the file; `None`: find those of `span`.
    """
    words = words or words_in(connection, TEXTS, span, bindings)
    listed = ", ".join(selected(field, words) for field in TICK_FIELDS)
    found = connection.execute(f"SELECT {ROW}, {listed} {span}", bindings).fetchnumpy()
    return Rows(found, words)


class Blocks:
    """The recently used blocks of a recording. Any thread may ask for one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Rows] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, number: int) -> Rows | None:
        """Return block `number`, if it is in memory."""
        with self._lock:
            if number in self._kept:
                self._kept.move_to_end(number)
            return self._kept.get(number)

    def keep(self, number: int, rows: Rows) -> None:
        """Keep block `number` in memory. If there are too many, drop the least recently used."""
        with self._lock:
            self._kept[number] = rows
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


def _amounts(column: Any) -> list[Any]:
    """Return the values of `column`; whole numbers as integers, because sources report them so."""
    known = np.ma.filled(column, 0.0)
    if (known == np.floor(known)).all() and (np.abs(known) < _BEYOND).all():
        whole = known.astype(np.int64)
        values: list[Any] = np.ma.array(whole, mask=np.ma.getmask(column)).tolist()
        return values
    return [whole_or_not(amount) for amount in column.tolist()]


def whole_or_not(amount: float | None) -> float | None:
    """Return a whole number as an integer, and any other number or `None` unchanged."""
    return amount if amount is None or not amount.is_integer() else int(amount)
