"""The ticks of a span as arrays, for computing: quicker than one row after another.

A plain read spends most of its time on Python objects, one for each value. Here integers and
floats go straight into arrays. The texts beside the symbol rarely change, so they are read once,
and again only for the rows in which they differ. Knows SQL and one connection, inside the caller's
transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import apsw
import numpy as np
from msgspec.structs import astuple

from ticker.streams.sqlite import decoding, rows
from ticker.streams.texts import Texts, encode

INTEGERS: Final = ("sequence", "time", "received")
FLOATS: Final = (
    *("price", "previous_price", "day_change", "day_change_percent"),
    *("volume", "bid", "ask", "size"),
)
TEXTS: Final = ("source", "origin", "currency", "session")
"""Beside the symbol."""

Column = np.ndarray | Texts


def read(
    connection: apsw.Connection, condition: str, bindings: Sequence[Any], *, simulated: bool
) -> Mapping[str, Column]:
    """The ticks that meet `condition`: field name → column, in the order of positions.

    Unknown floats are NaN. Rows that are no ticks are left out.
    """
    try:
        return _read(connection, condition, bindings, simulated=simulated)
    except rows.BROKEN:  # somebody edited the file: take what can be read, row by row
        ordered = f"{condition} ORDER BY position"
        ticks, _ = decoding.ticks(connection, ordered, bindings, simulated=simulated)
        made = zip(*map(astuple, ticks), strict=True) if ticks else [()] * len(rows.TICK_FIELDS)
        by_name = dict(zip(rows.TICK_FIELDS, made, strict=True))
        return {
            **{name: encode(by_name[name]) for name in ("symbol", *TEXTS)},
            **{name: np.array(by_name[name], dtype=np.int64) for name in INTEGERS},
            **{name: np.array(by_name[name], dtype=np.float64) for name in FLOATS},
            "simulated": np.array(by_name["simulated"], dtype=np.bool_),
        }


def _read(
    connection: apsw.Connection, condition: str, bindings: Sequence[Any], *, simulated: bool
) -> Mapping[str, Column]:
    def select(names: Sequence[str], more: str = "", *bound: Any) -> apsw.Cursor:
        query = f"SELECT {', '.join(names)} FROM ticks WHERE {condition} {more} ORDER BY position"
        return connection.execute(query, (*bindings, *bound))

    def numbers(names: Sequence[str], kind: type[np.generic]) -> np.ndarray:
        """A row for each of `names`; NULL becomes NaN among floats."""
        flat = np.fromiter(chain.from_iterable(select(names)), dtype=kind)
        return flat.reshape(-1, len(names)).T

    symbols = encode(chain.from_iterable(select(("symbol",))))
    found: dict[str, Column] = {
        "symbol": symbols,
        **dict(zip(INTEGERS, numbers(INTEGERS, np.int64), strict=True)),
        **dict(zip(FLOATS, numbers(FLOATS, np.float64), strict=True)),
        "simulated": np.full(len(symbols.codes), simulated),
    }
    usual = next(select(TEXTS), (None,) * len(TEXTS))  # those of the first row
    differ = f"AND ({', '.join(TEXTS)}) IS NOT (?, ?, ?, ?)"
    others = select(("position", *TEXTS), differ, *usual).fetchall()
    positions, *changed = zip(*others, strict=True) if others else [()] * (1 + len(TEXTS))
    at: Any = np.searchsorted(numbers(("position",), np.int64)[0], positions) if others else []
    for name, first, values in zip(TEXTS, usual, changed, strict=True):
        codes, words = encode(chain((first,), values))
        column = np.zeros(len(symbols.codes), dtype=np.int32)
        column[at] = codes[1:]
        found[name] = Texts(column, words)
    return found
