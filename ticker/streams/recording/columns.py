"""Reads rows of a recording by column, and makes arrays, Python values or ticks of them.

Texts repeat, so the different texts (words) of a column are read once. DuckDB then returns for each
row the index of its word (`enum_code`). An unknown text is `None`, the last word. Whole pieces of
the columns become ticks at once, and equal texts share one object, so few objects are made.
Synchronous.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np

from ticker.records import TICK_FIELDS, Tick
from ticker.streams.arrays import TEXTS, Column, Texts
from ticker.streams.recording import layout
from ticker.streams.recording.database import Connection, literal
from ticker.streams.sequence import Key

ROW: Final = "file_row_number"
AT_ONCE: Final = 1_000_000
"""Rows decoded at once: this limits the memory."""
_VOLUMES: Final = frozenset({"volume", "size"})
_BEYOND: Final = 2.0**63
"""The smallest number that is too large for a signed 64-bit integer."""
_KEPT: Final = 4
"""Blocks kept in memory: some megabytes each."""

Words = Mapping[str, Sequence[str | None]]
"""Field → its different texts. The code of a text is its index here."""


class Rows:
    """Some rows of a recording, in order, by column."""

    def __init__(self, columns: Mapping[str, Any], words: Words) -> None:
        self._columns = columns
        self._words = words
        self.numbers: Any = columns[ROW]
        """The numbers of the rows in the file."""

    def __len__(self) -> int:
        return len(self.numbers)

    def ticks(self, piece: Any) -> list[Tick]:
        """Make ticks of the rows in `piece`, a slice or indices. Raises `InvalidRecord`."""
        return list(map(Tick, *(self._values(field, piece) for field in TICK_FIELDS)))

    def values(self, fields: Iterable[str]) -> dict[str, Sequence[Any]]:
        """Return field → its values. An unknown value is `None`."""
        return {field: tuple(self._values(field, slice(None))) for field in fields}

    def arrays(self, fields: Iterable[str]) -> dict[str, Column]:
        """Return field → its column. An unknown float is NaN."""
        return {field: self._array(field) for field in fields}

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

    def _array(self, field: str) -> Column:
        column: Any = self._columns[field]
        if field in self._words:
            return Texts(np.ma.getdata(column).astype(np.int32, copy=False), self._words[field])
        if isinstance(column, np.ma.MaskedArray):
            column = np.where(np.ma.getmaskarray(column), np.nan, column.data)
        found: np.ndarray = column
        return found

    def _values(self, field: str, piece: Any) -> Iterable[Any]:
        """Return the values of `field` in `piece`; an unknown one is `None`."""
        column = self._columns[field][piece]
        if field in self._words:
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


def chunks(
    connection: Connection,
    source: str,
    fields: Sequence[str],
    *,
    row: str = ROW,
    ticks: int,
    where: str = "",
    bindings: Sequence[Any] = (),
    at_once: int = AT_ONCE,
) -> Iterator[Rows]:
    """Yield the rows of `source` that meet `where`, `at_once` rows at a time.

    `where` is empty or begins with `AND`; `bindings` are its values. The column `row` numbers the
    `ticks` rows of `source` from 0. Raises `duckdb.Error`.
    """
    words = words_in(connection, [field for field in TEXTS if field in fields], f"FROM {source}")
    for begin in range(0, ticks, at_once):
        span = f"FROM {source} WHERE {row} >= ? AND {row} < ? {where}"
        bound = [begin, begin + at_once, *bindings]
        rows = fetch(connection, span, bound, words, fields=fields, row=row)
        if len(rows):
            yield rows


def fetch(
    connection: Connection,
    span: str,
    bindings: Sequence[Any],
    words: Words | None,
    *,
    fields: Sequence[str] = TICK_FIELDS,
    row: str = ROW,
) -> Rows:
    """Fetch the rows of `span` (`FROM … WHERE …`). Raises `duckdb.Error`.

    `words` are the different texts of the file; `None`: find those of `span`.
    """
    words = words or words_in(connection, TEXTS, span, bindings)
    listed = ", ".join(_selected(field, words) for field in fields)
    found = connection.execute(f"SELECT {row} AS {ROW}, {listed} {span}", bindings).fetchnumpy()
    return Rows(found, words)


def words_in(
    connection: Connection, fields: Sequence[str], span: str, bindings: Sequence[Any] = ()
) -> Words:
    """Find the different texts of each of `fields` in `span` (`FROM …`), with one query.

    They are sorted. If a text is unknown, `None` comes last.
    """
    if not fields:
        return {}
    listed = ", ".join(fields)
    found = connection.execute(f"SELECT DISTINCT {listed} {span}", list(bindings)).fetchall()
    columns = zip(*found, strict=True) if found else [()] * len(fields)
    words: dict[str, Sequence[str | None]] = {}
    for field, texts in zip(fields, columns, strict=True):
        known = sorted({text for text in texts if text is not None})
        words[field] = [*known, None] if None in texts else known
    return words


def _selected(field: str, words: Words) -> str:
    """Return the SQL that selects `field`; if `words` has it, as an index in its words."""
    if field not in words:
        return layout.value(field)
    if len(words[field]) <= 1:
        return f'0 AS "{field}"'
    known = [word for word in words[field] if word is not None]
    enum = ", ".join(map(literal, known))
    code = f'CAST(enum_code(CAST("{field}" AS ENUM({enum}))) AS INTEGER)'
    return f'coalesce({code}, {len(known)}) AS "{field}"'


def _amounts(column: Any) -> list[Any]:
    """Return the values of `column`; whole numbers as integers, because sources report them so."""
    known = np.ma.filled(column, 0.0)
    if (known == np.floor(known)).all() and (np.abs(known) < _BEYOND).all():
        whole = known.astype(np.int64)
        values: list[Any] = np.ma.array(whole, mask=np.ma.getmask(column)).tolist()
        return values
    return [
        amount if amount is None or not amount.is_integer() else int(amount)
        for amount in column.tolist()
    ]


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
