"""Reads the ticks of a span as numpy arrays, faster than row by row.

A plain read spends most of its time on Python objects, one for each value. Here integers and floats
go straight into arrays. Texts other than the symbol rarely change: a sample gives the usual ones,
and only rows with other texts are read. Knows SQL and one connection, inside the caller's
transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Final

import apsw
import numpy as np

from ticker.streams.arrays import FLOATS, INTEGERS, TEXTS, Column, Texts, as_arrays, encode
from ticker.streams.sqlite import rows

_RARE: Final = tuple(name for name in TEXTS if name != "symbol")
"""Texts that rarely change from row to row."""
_EXACT: Final = 2.0**53
"""Smaller integers are exact as floats: times up to the year 2255."""
_SAMPLE: Final = 100
"""Rows in the sample. The most frequent combination of texts in it is the usual one."""


class ArrayReader:
    """Reads `fields` of ticks, span after span."""

    def __init__(self, connection: apsw.Connection, fields: Sequence[str]) -> None:
        self._connection = connection
        self._fields = fields
        self._integers = [name for name in INTEGERS if name in fields]
        self._floats = [name for name in FLOATS if name in fields]
        self._rare = [name for name in _RARE if name in fields]

    def read(
        self, condition: str, bindings: Sequence[Any], simulated: bool
    ) -> Mapping[str, Column] | None:
        """Return the ticks that meet `condition`: field name → column, in the order of positions.

        Unknown floats are NaN. Unreadable rows are left out. `None` if there is no tick.
        """
        try:
            found = self._read(condition, bindings)
        except rows.BROKEN:  # the file was edited: take what can be read, row by row
            ordered = f"{condition} ORDER BY position"
            ticks, _ = rows.ticks(self._connection, ordered, bindings, simulated=simulated)
            by_name = {name: [*map(attrgetter(name), ticks)] for name in self._fields}
            return as_arrays(by_name) if ticks else None
        positions = found["position"]
        if not len(positions):
            return None
        found[rows.CONSTANT] = np.full(len(positions), simulated)
        return {name: found[name] for name in self._fields}

    def _read(self, condition: str, bindings: Sequence[Any]) -> dict[str, Any]:
        def select(names: Sequence[str], more: str = "", *bound: Any) -> apsw.Cursor:
            query = f"SELECT {', '.join(names)} FROM ticks WHERE {condition} {more}"
            return self._connection.execute(f"{query} ORDER BY position", (*bindings, *bound))

        def numbers(names: Sequence[str], kind: type[np.generic]) -> np.ndarray:
            """Read the numbers of each of `names`, row by row; NULL becomes NaN among floats."""
            flat = np.fromiter(chain.from_iterable(select(names)), dtype=kind)
            return flat.reshape(-1, len(names)).T

        integers = ["position", *self._integers]
        count = len(integers)
        # One pass reads the integers as floats too: this is faster. Large ones need a second pass.
        both = numbers([*integers, *self._floats], np.float64)
        whole = both[:count]
        whole = whole.astype(np.int64) if (whole < _EXACT).all() else numbers(integers, np.int64)
        found: dict[str, Any] = dict(zip(integers, whole, strict=True))
        found |= zip(self._floats, both[count:], strict=True)
        if "symbol" in self._fields:
            found["symbol"] = encode(chain.from_iterable(select(("symbol",))))
        positions, rare = found["position"], self._rare
        if not rare or not len(positions):
            return found
        sample = select(rare, "AND position >= ?", int(positions[-_SAMPLE:][0]))
        usual, _ = Counter(sample).most_common(1)[0]
        places = ", ".join("?" * len(rare))
        differ = f"AND ({', '.join(rare)}) IS NOT ({places})"
        others = select(("position", *rare), differ, *usual).fetchall()
        where, *changed = zip(*others, strict=True) if others else [()] * (1 + len(rare))
        at: Any = np.searchsorted(positions, where) if others else []
        for name, first, values in zip(rare, usual, changed, strict=True):
            codes, words = encode(chain((first,), values))
            column = np.zeros(len(positions), dtype=np.int32)
            column[at] = codes[1:]
            found[name] = Texts(column, words)
        return found
