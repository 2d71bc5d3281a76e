"""Turns the good rows of the table `rows` into the view `sorted`, which a recorder writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from ticker.importing import query
from ticker.importing.moves import Moves
from ticker.records import TICK_FIELDS
from ticker.streams.arrays import FLOATS, TEXTS, Texts
from ticker.streams.digest import Digests
from ticker.streams.recording.columns import chunks
from ticker.streams.recording.database import Connection, literal
from ticker.streams.recording.layout import TIMES, sql_type

_Words = Mapping[str, Sequence[str | None]]
"""Field → its distinct texts."""
_TOLD: Final = ("received", "bid", "ask", "size", "volume", "currency")
"""The fields of a tick that not all files have."""


class Ticks(msgspec.Struct, frozen=True):
    """What `sorted` holds."""

    count: int
    digests: Digests
    places: Mapping[str, int]
    """Symbol → the decimals of its prices."""


def make_ticks(connection: Connection, rows: int, source: str, origin: str) -> Ticks:
    """Make the view `sorted` of the rows in which the price moved. Drop the table `rows`.

    The argument `rows` is the number of its rows. A value that is the same in all rows is a
    constant of the view.
    """
    there = {str(row[0]) for row in connection.execute("DESCRIBE rows").fetchall()}
    fields = ["time", "symbol", "price", *(field for field in _TOLD if field in there)]
    _put_in_order(connection, fields)
    words: dict[str, Sequence[str | None]] = {"source": [source], "origin": [origin]}
    moves, digests, count = None, Digests(), 0
    for found in chunks(connection, "good", fields, row="place", ticks=rows):
        chunk = found.arrays(fields)
        words |= {name: text.words for name, text in chunk.items() if isinstance(text, Texts)}
        moves = moves or Moves(len(words["symbol"]))
        ticks = moves.ticks({name: getattr(each, "codes", each) for name, each in chunk.items()})
        digests.add(_whole(ticks, words))
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT * FROM ticks LIMIT 0")
        connection.execute("INSERT INTO kept BY NAME SELECT * FROM ticks")
        count += len(ticks["time"])
    connection.execute("DROP TABLE IF EXISTS ordered; DROP TABLE IF EXISTS rows")
    if count:
        kept = {str(row[0]) for row in connection.execute("DESCRIBE kept").fetchall()}
        listed = ", ".join(f'{_selected(field, kept, words)} AS "{field}"' for field in TICK_FIELDS)
        connection.execute(f"CREATE VIEW sorted AS SELECT {listed}, rowid AS rowid FROM kept")
    places = zip(words["symbol"], moves.places.tolist(), strict=True) if moves else ()
    return Ticks(count, digests, {str(symbol): each for symbol, each in places})


def _put_in_order(connection: Connection, fields: Sequence[str]) -> None:
    """Make `good`: the good rows, with `place`, their number in the order of the recording."""
    received = "coalesce(received, time)" if "received" in fields else "time"
    listed = ", ".join(field for field in fields if field != "received")
    connection.execute(
        f"CREATE VIEW good AS SELECT rowid AS place, {received} AS received, {listed} "
        "FROM rows WHERE reason IS NULL"
    )
    if connection.execute(query.IS_IN_ORDER).fetchall() != [(True,)]:
        connection.execute(query.ORDERED)
        connection.execute("DROP TABLE rows")
        connection.execute(
            "CREATE OR REPLACE VIEW good AS SELECT * REPLACE (rowid AS place) FROM ordered"
        )


def _whole(ticks: Mapping[str, Any], words: _Words) -> dict[str, Any]:
    """Return all fields of `ticks`, in the form that a digest takes."""
    nothing = np.zeros(len(ticks["time"]), np.int32)
    unknown = np.broadcast_to(np.nan, len(nothing))
    return {
        field: Texts(ticks.get(field, nothing), words.get(field, [None]))
        if field in TEXTS
        else ticks.get(field, unknown if field in FLOATS else nothing)
        for field in TICK_FIELDS
    }


def _selected(field: str, kept: Collection[str], words: _Words) -> str:
    """Return the SQL that selects `field` as the recording holds it.

    Texts are an `ENUM`. DuckDB writes one several times as fast as plain texts, because it need not
    find the distinct ones.
    """
    if field == "simulated":
        return "false"
    if known := ", ".join(literal(word) for word in words.get(field, ()) if word is not None):
        return f"([{known}]::ENUM({known})[])[{field if field in kept else 0} + 1]"
    if field in words or field not in kept:
        return f"CAST(NULL AS {sql_type(field)})"
    if field in TIMES:
        return f"make_timestamptz({field})"
    return f"nullif({field}, 'NaN'::DOUBLE)" if field in FLOATS else field
