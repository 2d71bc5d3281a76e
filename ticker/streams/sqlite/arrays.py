"""The ticks of a span as arrays, for computing: quicker than one row after another.

Most of the time of a plain read goes into Python objects, one for each value. Here integers and
floats go straight into arrays. The texts beside the symbol rarely change, so they are read once,
and again only for the rows in which they differ. Knows SQL and one connection, inside the caller's
transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import apsw
import numpy as np
from msgspec.structs import astuple

from ticker.streams.sqlite import decoding, rows

INTEGERS: Final = ("sequence", "time", "received")
FLOATS: Final = (
    *("price", "previous_price", "day_change", "day_change_percent"),
    *("volume", "bid", "ask", "size"),
)
TEXTS: Final = ("source", "origin", "currency", "session")
"""Beside the symbol."""

_TYPES: Final = {
    **dict.fromkeys(INTEGERS, np.dtype(np.int64)),
    **dict.fromkeys(FLOATS, np.dtype(np.float64)),
    **dict.fromkeys(("symbol", *TEXTS), np.dtype(object)),
    "simulated": np.dtype(np.bool_),
}


def read(
    connection: apsw.Connection, condition: str, bindings: Sequence[Any], *, simulated: bool
) -> Mapping[str, np.ndarray]:
    """The ticks that meet `condition`: field name → array, in the order of positions.

    Unknown floats are NaN, unknown texts `None`. Rows that are no ticks are left out.
    """
    try:
        return _read(connection, condition, bindings, simulated=simulated)
    except rows.BROKEN:  # somebody edited the file: find the rows, slowly
        ordered = f"{condition} ORDER BY position"
        made, _ = decoding.ticks(connection, ordered, bindings, simulated=simulated)
        by_column = zip(*map(astuple, made), strict=True) if made else [()] * len(rows.TICK_FIELDS)
        return {
            name: np.array(values, dtype=_TYPES[name])
            for name, values in zip(rows.TICK_FIELDS, by_column, strict=True)
        }


def _read(
    connection: apsw.Connection, condition: str, bindings: Sequence[Any], *, simulated: bool
) -> Mapping[str, np.ndarray]:
    def select(names: Sequence[str], more: str = "", *bound: Any) -> apsw.Cursor:
        query = f"SELECT {', '.join(names)} FROM ticks WHERE {condition} {more} ORDER BY position"
        return connection.execute(query, (*bindings, *bound))

    found: dict[str, np.ndarray] = {"symbol": _flat(select(("symbol",)), np.dtype(object))}
    integers = ("position", *INTEGERS)
    for names, kind in ((integers, np.dtype(np.int64)), (FLOATS, np.dtype(np.float64))):
        table = _flat(select(names), kind).reshape(-1, len(names))
        found |= {name: table[:, place] for place, name in enumerate(names)}
    positions = found.pop("position")
    if len(positions):
        first = connection.execute(
            f"SELECT {', '.join(TEXTS)} FROM ticks WHERE position = ?", (int(positions[0]),)
        ).fetchall()[0]
        differ = f"AND ({', '.join(TEXTS)}) IS NOT (?, ?, ?, ?)"
        others = select(("position", *TEXTS), differ, *first).fetchall()
        where, *changed = zip(*others, strict=True) if others else [()] * (1 + len(TEXTS))
        at = np.searchsorted(positions, np.array(where, dtype=np.int64))
        for name, usual, values in zip(TEXTS, first, changed, strict=True):
            found[name] = np.full(len(positions), usual, dtype=object)
            found[name][at] = np.array(values, dtype=object)
    else:
        found |= dict.fromkeys(TEXTS, np.array((), dtype=object))
    found["simulated"] = np.full(len(positions), simulated)
    return {name: found[name] for name in rows.TICK_FIELDS}


def _flat(cursor: Iterable[Sequence[Any]], kind: np.dtype[Any]) -> np.ndarray:
    """All values, row after row; NULL becomes NaN among floats."""
    return np.fromiter(chain.from_iterable(cursor), dtype=kind)
