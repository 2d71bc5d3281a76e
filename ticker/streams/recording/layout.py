"""The layout of a recording in its Parquet file.

Each row is a tick, and each field of a tick is a column. The rows are sorted by `received`, origin,
symbol and sequence. If the clock was set back, a tick sorts by the latest `received` of its symbol
so far. Times are Parquet timestamps (µs, UTC). The file's key-value metadata hold, as JSON:
`ticker.manifest` (`Manifest`), `ticker.gaps` (a list of `PlacedGap`) and `ticker.facts` (a list of
`PlacedFacts`). A gap or fact belongs before the row whose number it has, counted from 0.
`ticker.checksum` is a text: see `metadata.py`.

Any Parquet reader opens the ticks; only ticker needs the metadata. Opens no file or connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec
import numpy as np

from ticker.records import TICK_FIELDS, Gap
from ticker.streams.arrays import INTEGERS, TEXTS
from ticker.streams.standing_facts import Facts

VERSION: Final = 1
"""The format's version. It is raised when older versions of ticker would misread the file."""

MANIFEST: Final = "ticker.manifest"
GAPS: Final = "ticker.gaps"
FACTS: Final = "ticker.facts"
CHECKSUM: Final = "ticker.checksum"

TIMES: Final = frozenset({"time", "received"})


def sql_type(field: str) -> str:
    """Return the SQL type of the column that holds `field` of a tick."""
    if field in TIMES:
        return "TIMESTAMPTZ"
    if field in INTEGERS:
        return "BIGINT"
    if field in TEXTS:
        return "VARCHAR"
    return "BOOLEAN" if field == "simulated" else "DOUBLE"


TABLE: Final = ", ".join(f'"{field}" {sql_type(field)}' for field in TICK_FIELDS)
COLUMNS: Final = ", ".join(f'"{field}"' for field in TICK_FIELDS)


def value(field: str) -> str:
    """Return the SQL that selects `field`. Times become whole microseconds, as in `Tick`."""
    return f'epoch_us("{field}") AS "{field}"' if field in TIMES else f'"{field}"'


class SymbolSpan(msgspec.Struct, frozen=True, array_like=True):
    """What the recording holds of one (origin, symbol)."""

    origin: str
    symbol: str
    first: int
    """Its lowest sequence."""
    last: int
    count: int
    digest: str
    """See `ticker.streams.digest`."""


class Manifest(msgspec.Struct, frozen=True):
    """What a recording holds. With it a replay can prove that it is complete."""

    version: int
    identity: str
    """The same for recordings of the same ticks and gaps. Positions contain it."""
    ticks: int
    simulated: bool | None = None
    """Whether the prices are invented; `None` if there is no tick."""
    first: int | None = None
    """`received` of the first row (µs, UTC)."""
    last: int | None = None
    """The latest `received` (µs, UTC)."""
    spans: tuple[SymbolSpan, ...] = ()


class PlacedGap(msgspec.Struct, frozen=True, array_like=True):
    """A gap, and the row before which it belongs."""

    row: int
    gap: Gap
    due: int
    """When a player shows it (µs, UTC): not before the tick before `row`.

    The gap of missing ticks is due with the tick after them.
    """


class PlacedFacts(msgspec.Struct, frozen=True, array_like=True):
    """Standing facts, and the row before which they begin to be true."""

    row: int
    facts: Facts
    due: int = 0
    """When the tick before that row is due (µs, UTC); 0 before the first tick."""


class Placing:
    """Finds where gaps and facts belong in a sorted file, and when they are due.

    An `ordinal` is a tick's index before the sorting, from 0.
    """

    def __init__(self, ordinals: Any, received: Any) -> None:
        count = len(ordinals)
        rows = np.full(count + 1, count)
        rows[ordinals] = np.arange(count)
        self._first = np.minimum.accumulate(rows[::-1])[::-1]
        self._due = np.maximum.accumulate(received)

    def row(self, ordinal: int) -> int:
        """Return the first row with this `ordinal` or a higher one; the row count if none has."""
        # Facts are saved before their ticks, and a crash may have lost these ticks.
        return int(self._first[min(ordinal, len(self._first) - 1)])

    def due_of(self, row: int) -> int:
        """Return when the tick in `row` is due (µs, UTC)."""
        return int(self._due[row])

    def due_before(self, row: int) -> int:
        """Return when the tick before `row` is due (µs, UTC); 0 for row 0."""
        return int(self._due[row - 1]) if row else 0

    def due(self, row: int, received: int) -> int:
        """Return when a record that belongs before `row` is due (µs, UTC).

        That is `received`, but not before the tick before `row`, and not after the tick in `row`.
        """
        due = max(received, self.due_before(row))
        return min(due, self.due_of(row)) if row < len(self._due) else due


def identity_of(spans: Sequence[SymbolSpan], gaps: Sequence[Gap]) -> str:
    """Return 16 hexadecimal digits that depend only on the ticks and gaps."""
    told = msgspec.json.encode([spans, sorted(msgspec.json.encode(gap) for gap in gaps)])
    return blake2b(told, digest_size=8).hexdigest()
