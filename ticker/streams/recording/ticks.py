"""Rows of a recording as arrays, and as ticks made from whole columns: few objects a tick.

DuckDB gives the rows by column, with texts as codes. Ticks are made of them piece by piece, and
those of one text share it. Synchronous.
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
"""The first number that is no 64-bit integer."""
_KEPT: Final = 4
"""Blocks that are kept in memory: some megabytes each."""


class Rows:
    """Some rows of a recording, in order. Pieces of them become ticks."""

    def __init__(self, columns: Mapping[str, Any], words: Words) -> None:
        self._columns = columns
        self._words = words
        self.numbers: Any = columns[ROW]
        """Of the rows, in the file."""

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, begin: int, end: int) -> Rows:
        """The rows from the place `begin` up to `end` (exclusive), without a copy."""
        columns = {name: column[begin:end] for name, column in self._columns.items()}
        return Rows(columns, self._words)

    def ticks(self, piece: Any) -> list[Tick]:
        """The ticks of `piece`: a slice, or places. Raises `InvalidRecord`."""
        columns = [self._values(field, self._columns[field][piece]) for field in TICK_FIELDS]
        return list(map(Tick, *columns))

    def dues(self) -> Any:
        """The running maximum of `received` (µs, UTC)."""
        return np.maximum.accumulate(self._columns["received"])

    def last_places(self, end: int) -> dict[Key, int]:
        """(origin, symbol) → where its last row before the place `end` is."""
        origins, symbols = self._words["origin"], self._words["symbol"]
        keys = self._codes("origin")[:end] * len(symbols) + self._codes("symbol")[:end]
        last = np.full(len(origins) * len(symbols), -1, np.int64)
        last[keys] = np.arange(len(keys))  # of equal keys the last one stays
        found: list[int] = np.flatnonzero(last >= 0).tolist()
        return {
            (str(origins[key // len(symbols)]), str(symbols[key % len(symbols)])): int(last[key])
            for key in found
        }

    def places_of(self, symbols: Iterable[str]) -> Any:
        """Where the rows of `symbols` are, in order."""
        chosen = set(symbols)
        codes = [code for code, word in enumerate(self._words["symbol"]) if word in chosen]
        return np.flatnonzero(np.isin(self._codes("symbol"), codes))

    def _codes(self, field: str) -> Any:
        return np.ma.getdata(self._columns[field]).astype(np.int64, copy=False)

    def _values(self, field: str, column: Any) -> Iterable[Any]:
        """A column as a tick takes it; an unknown value is `None`."""
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
    """The rows of `span` (`FROM … WHERE …`). Raises what DuckDB raises.

    `words` are the different texts of the file; `None` where they are not known yet.
    """
    words = words or words_in(connection, TEXTS, span, bindings)
    listed = ", ".join(selected(field, words) for field in TICK_FIELDS)
    found = connection.execute(f"SELECT {ROW}, {listed} {span}", bindings).fetchnumpy()
    return Rows(found, words)


class Blocks:
    """The blocks of a recording that were used last. Any thread may ask for one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Rows] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, number: int) -> Rows | None:
        """Block `number`, if it is at hand."""
        with self._lock:
            if number in self._kept:
                self._kept.move_to_end(number)
            return self._kept.get(number)

    def keep(self, number: int, rows: Rows) -> None:
        """Have block `number` at hand, and leave out the one that was not used for longest."""
        with self._lock:
            self._kept[number] = rows
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


def _amounts(column: Any) -> list[Any]:
    """Whole numbers as integers, as sources tell volumes."""
    known = np.ma.filled(column, 0.0)
    if (known == np.floor(known)).all() and (np.abs(known) < _BEYOND).all():
        whole = known.astype(np.int64)
        values: list[Any] = np.ma.array(whole, mask=np.ma.getmask(column)).tolist()
        return values
    return [whole_or_not(amount) for amount in column.tolist()]


def whole_or_not(amount: float | None) -> float | None:
    """A whole number as an integer, any other as it is."""
    return amount if amount is None or not amount.is_integer() else int(amount)
