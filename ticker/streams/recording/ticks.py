"""Rows of a recording as ticks, made from whole columns: a tick costs few Python objects.

DuckDB gives the rows as arrays, with texts as codes. Piece by piece these become lists, so that few
values wait, and ticks of one text share it. Synchronous.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np

from ticker.records import TICK_FIELDS, Tick
from ticker.streams.arrays import TEXTS
from ticker.streams.recording.arrays import selected, words_in
from ticker.streams.recording.database import Connection

ROW: Final = "file_row_number"
_VOLUMES: Final = frozenset({"volume", "size"})
_BEYOND: Final = 2.0**63
"""The first number that is no 64-bit integer."""


def ticks_of(
    connection: Connection, span: str, bindings: Sequence[Any], limit: int
) -> Iterator[tuple[list[int], list[Tick]]]:
    """The row numbers and ticks of `span` (`FROM … WHERE …`), at most `limit` at once.

    All rows are fetched at the beginning. Raises what DuckDB raises, and `InvalidRecord`.
    """
    words = words_in(connection, span, bindings)
    listed = ", ".join(selected(field, words) for field in TICK_FIELDS)
    found = connection.execute(f"SELECT {ROW}, {listed} {span}", bindings).fetchnumpy()
    for begin in range(0, len(found[ROW]), limit):
        piece = slice(begin, begin + limit)
        columns = [_values(field, found[field][piece], words) for field in TICK_FIELDS]
        rows: Any = found[ROW][piece]
        yield rows.tolist(), list(map(Tick, *columns))


def _values(field: str, column: Any, words: Mapping[str, Sequence[str | None]]) -> Iterable[Any]:
    """A column as a tick takes it; an unknown value is `None`."""
    if field in TEXTS:
        told = words[field]
        if len(told) == 1:
            return repeat(told[0], len(column))
        texts: list[Any] = np.array(told, object)[np.ma.getdata(column)].tolist()
        return texts
    if np.ma.getmaskarray(column).all():
        return repeat(None, len(column))
    if field in _VOLUMES:
        return _amounts(column)
    values: list[Any] = column.tolist()
    return values


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
